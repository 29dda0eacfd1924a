import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { within } from '../patience.ts'

/** A process of this machine that runs. */
export interface Running {
  readonly pid: number
  readonly parent: number
  /** Name of its program, without a folder. */
  readonly program: string
}

/** Every process that runs; one that has ended and that nobody has collected doesn't. */
export async function processes(): Promise<Running[]> {
  if (process.platform !== 'linux') return fromPs()
  // Not ps here: the small images of CI don't have it.
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const all = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  return all.flatMap((line) => {
    const [, pid, program, state, parent] = /^(\d+) \((.*)\) (\S) (\d+) /s.exec(line) ?? []
    return state === undefined || state === 'Z' ? [] : [{ pid: Number(pid), parent: Number(parent), program: program! }]
  })
}

async function fromPs(): Promise<Running[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,stat=,comm='])
  return stdout.split('\n').flatMap((line) => {
    const [, pid, parent, state, program] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
    return state === undefined || state.startsWith('Z')
      ? []
      : [{ pid: Number(pid), parent: Number(parent), program: basename(program!) }]
  })
}

/** A process and everything that it and its children have started, as far as it still runs. */
export async function familyOf(pid: number): Promise<Running[]> {
  const all = await processes()
  const family = all.filter((each) => each.pid === pid)
  for (const member of family) family.push(...all.filter((each) => each.parent === member.pid))
  return family
}

/** Whether a process runs. */
export const isAlive = async (pid: number): Promise<boolean> => (await processes()).some((each) => each.pid === pid)

/** Sends a signal to a process that may be gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It is gone.
  }
}

/** Waits until something holds; throws when it doesn't in time, on a slow machine later. */
export async function until(condition: () => boolean | Promise<boolean>, millis = 30_000): Promise<void> {
  for (const end = Date.now() + within(millis); !(await condition()); await new Promise((next) => setTimeout(next, 10)))
    if (Date.now() > end) throw new Error(`waited ${within(millis)} ms in vain`)
}

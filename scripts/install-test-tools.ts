import { spawn } from 'node:child_process'
import { accessSync, constants, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The programs that only tests need. As root on a machine with apt-get, those that are missing are installed; elsewhere it says what to install. Never fails: a
 * test that misses its program says so itself, and fails in CI.
 */

/** A program, the Debian package that has it, and what it is for. */
export interface Tool {
  readonly program: string
  readonly debian: string
  readonly what: string
}

export const tools: readonly Tool[] = [
  { program: 'pgbouncer', debian: 'pgbouncer', what: 'the proof of a pooler in transaction mode' },
  { program: 'redis-server', debian: 'redis-server', what: 'the proofs of several processes over one Redis' },
  {
    program: 'prometheus',
    debian: 'prometheus',
    what: 'the check of what /metrics answers, the alert rules, and the proof that each fault raises its alert',
  },
  { program: 'wrk', debian: 'wrk', what: 'the short form of the benches of reads' },
  { program: 'pgbench', debian: 'postgresql-contrib', what: 'the short form of the benches of writes' },
  { program: 'wsdump', debian: 'python3-websocket', what: 'the example in Python, against the kit and a server' },
  { program: 'aiosmtpd', debian: 'python3-aiosmtpd', what: 'the proof of e-mails to guests' },
  { program: 'patroni', debian: 'patroni', what: 'the proof of a failover by Patroni' },
  { program: 'etcd', debian: 'etcd-server', what: 'the same' },
  // Patroni's way to etcd, which has no program of its own, comes along with HAProxy's.
  { program: 'haproxy', debian: 'haproxy python3-etcd', what: 'the same, with HAProxy in front' },
  { program: 'chromium', debian: 'chromium', what: 'the operations page and the client in a real browser' },
]

/** Where and how it is installed; what is left out is as on this machine. */
export interface Surroundings {
  readonly say: (line: string) => void
  readonly path?: string
  readonly root?: boolean
  readonly wanted?: readonly Tool[]
  /** Exists while packages are installed: Debian starts no service when it says 101. */
  readonly policy?: string
  readonly limitMillis?: number
}

const LIMIT_MILLIS = 5 * 60_000
const LEAVE_MILLIS = 10_000
const NOT_FOUND = 127
const QUIET = ['-qq', '-o', 'Dpkg::Use-Pty=0']
const BOUNDS = ['-o', 'DPkg::Lock::Timeout=60', '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=20']

/** Whether a program is in one of the folders of a path like that of PATH. */
export const hasProgram = (program: string, path = process.env['PATH'] ?? ''): boolean =>
  path.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** The tools whose program is nowhere on the path. */
export const missingTools = (wanted = tools, path = process.env['PATH'] ?? ''): Tool[] =>
  wanted.filter(({ program }) => !hasProgram(program, path))

/** Installs what is missing, or says what to install. Gives what is missing still. Takes 5 minutes at most. */
export async function installTestTools(surroundings: Surroundings): Promise<Tool[]> {
  const { say, path = process.env['PATH'] ?? '', root = process.getuid?.() === 0, wanted = tools } = surroundings
  const missing = missingTools(wanted, path)
  if (missing.length === 0) return []
  const packages = missing.flatMap(({ debian }) => debian.split(' '))
  const names = packages.join(' ')
  for (const { program, what } of missing) say(`${program} is missing: it is needed for ${what}.`)
  if (!root || !hasProgram('apt-get', path)) {
    say(`The tests that need it are skipped (in CI they fail). On Debian or Ubuntu: sudo apt-get install ${names}`)
    return missing
  }
  say(`Installing ${names} with apt-get.`)
  const apt = aptGet(path, Date.now() + (surroundings.limitMillis ?? LIMIT_MILLIS))
  const allow = await forbidServices(surroundings.policy ?? '/usr/sbin/policy-rc.d')
  try {
    const install = ['install', '-y', '--no-install-recommends', ...packages]
    let result = await apt(install)
    // It knows no package yet, as in a fresh container, or only versions that the mirror has no more.
    if (result.code !== 0) {
      const update = await apt(['update'])
      result = update.code === 0 ? await apt(install) : update
    }
    if (result.code !== 0) say(`apt-get ended with ${result.code}:\n${result.output.trimEnd()}`)
  } finally {
    allow()
  }
  const left = missingTools(missing, path)
  for (const { program } of missing)
    say(left.some((tool) => tool.program === program) ? `${program} is still missing.` : `${program} is installed.`)
  return left
}

/** apt-get that asks nothing and is done by then: an epoch in milliseconds. */
const aptGet =
  (path: string, until: number) =>
  (args: readonly string[]): Promise<{ code: number; output: string }> =>
    new Promise((resolve) => {
      const child = spawn('apt-get', [...QUIET, ...BOUNDS, ...args], {
        env: { ...process.env, PATH: path, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          output = (output + text).slice(-4_000)
        })
      const finish = (code: number): void => {
        for (const timer of timers) clearTimeout(timer)
        resolve({ code, output })
      }
      const left = Math.max(0, until - Date.now())
      const timers = [
        setTimeout(() => {
          output += '\nIt took too long and was ended.'
          child.kill('SIGTERM')
        }, left),
        setTimeout(() => child.kill('SIGKILL'), left + LEAVE_MILLIS),
      ]
      child.once('error', () => finish(NOT_FOUND))
      child.once('exit', (code) => {
        const end = (): void => finish(code ?? NOT_FOUND)
        child.once('close', end)
        // Something that it started may hold its output open.
        timers.push(setTimeout(end, 1_000))
      })
    })

/** Keeps Debian from starting what it installs, unless the machine has a rule of its own for that. Gives the way back. */
async function forbidServices(policy: string): Promise<() => void> {
  try {
    await writeFile(policy, '#!/bin/sh\nexit 101\n', { flag: 'wx', mode: 0o755 })
  } catch {
    return () => undefined
  }
  const allow = (): void => rmSync(policy, { force: true })
  // Also when we are ended meanwhile.
  process.once('exit', allow)
  return () => {
    process.off('exit', allow)
    allow()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await installTestTools({ say: (line) => void process.stdout.write(`${line}\n`) })

import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile, rm, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Sent } from '../test/budgets/captured.ts'
import type { Timed } from './figures.ts'
import { FIRST, idIn, restaurantNumber, RESTAURANTS, type Where } from './pairs.ts'

/** The limit of writes: pgbench sends the statements that a command sent, in the same trips. */

const run = promisify(execFile)

/** A script for pgbench, and the variables that it needs beside the ones it sets itself. */
export interface Script {
  readonly text: string
  readonly variables: Readonly<Record<string, string>>
}

/**
 * What ids of the captured command stand for in each transaction of the script: a variable that holds a number, or the
 * number of the pair itself.
 */
export type Ids = Readonly<Record<string, 'restaurant' | 'pair' | 'fresh' | 'number'>>

/** Writes the captured statements down for pgbench: same texts, with ids that are computed and other values as they were. */
export function scriptOf(sent: readonly Sent[], ids: Ids, where: Where, clients: number): Script {
  const variables: Record<string, string> = { n: '-1' }
  const restaurant = where === 'hot' ? `${restaurantNumber('hot', 0)}` : `1 + :i % ${RESTAURANTS}`
  const lines = [
    '\\set n :n + 1',
    `\\set i :n * ${clients} + :client_id`,
    `\\set restaurant ${restaurant}`,
    `\\set pair ${FIRST[where]} + :i`,
    '\\set fresh :base + :i',
  ]
  const place = (value: unknown, name: string): string => {
    if (value === null || value === undefined) return ':nothing'
    if (value === '') return "''" // pgbench has no empty variables
    const id = typeof value === 'string' ? ids[value] : undefined
    if (id) return id === 'number' ? ':pair' : idIn(`:${id}`)
    if (Array.isArray(value) && value.length > 0)
      return `array[${value.map((each, i) => place(each, `${name}_${i}`)).join(', ')}]`
    variables[name] = Array.isArray(value) ? '{}' : textOf(value)
    return `:${name}`
  }
  let trip = -1
  for (const [index, { text, values, trip: own }] of sent.entries()) {
    if (own !== trip) lines.push(...(index > 0 ? ['\\endpipeline'] : []), '\\startpipeline')
    trip = own
    const placed = text.replace(/\$(\d+)/g, (_, number: string) =>
      place(values[Number(number) - 1], `v${index}_${number}`),
    )
    // What sets the scope takes text.
    lines.push(`${/set_config/.test(text) ? placed.replaceAll("'0')::uuid", "'0')") : placed};`)
  }
  return { text: `${[...lines, '\\endpipeline'].join('\n')}\n`, variables }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'object' ? JSON.stringify(value) : `${value as number | boolean}`
}

let base = 1_000_000_000

/** Runs a script `count` times in all, over `clients` connections, as fast as can be. */
export async function pgbench(url: string, script: Script, count: number, clients: number): Promise<Timed> {
  const folder = await mkdtemp(join(tmpdir(), 'qtable-pgbench-'))
  try {
    const file = join(folder, 'script.sql')
    await writeFile(file, script.text)
    base += 10_000_000
    const given = Object.entries({ ...script.variables, base: `${base}` }).flatMap(([k, v]) => ['-D', `${k}=${v}`])
    const shape = ['-c', `${clients}`, '-j', `${Math.min(2, clients)}`, '-t', `${Math.ceil(count / clients)}`]
    const log = ['--log', `--log-prefix=${join(folder, 'log')}`]
    await run('pgbench', ['-n', '-M', 'prepared', ...shape, ...log, '-f', file, ...given, url], {
      timeout: 120_000,
    }).catch((error: { stderr?: string }) => {
      throw new Error(`pgbench failed: ${error.stderr?.slice(0, 400)}`)
    })
    return await readLogs(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Lines of the log: client, number of the transaction, microseconds, number of the script, seconds and microseconds of its end. */
async function readLogs(folder: string): Promise<Timed> {
  const ends: number[] = []
  const took: number[] = []
  for (const name of await readdir(folder)) {
    if (!name.startsWith('log')) continue
    for (const line of (await readFile(join(folder, name), 'utf8')).trim().split('\n')) {
      const [, , micros, , seconds, rest] = line.split(' ')
      ends.push(Number(seconds) * 1000 + Number(rest) / 1000)
      took.push(Number(micros) / 1000)
    }
  }
  return { ends, took }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, vi } from 'vitest'
import { type EmbeddedDatabase, type EmbeddedOptions, startEmbedded } from '../src/platform/embedded/embedded.ts'
import { upTo } from './patience.ts'

/** PostgreSQL as the server brings it along, in folders that end with the test. */

// Real processes on a machine that may be busy with other things.
vi.setConfig({ testTimeout: upTo(30_000), hookTimeout: upTo(30_000) })
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

export const isRoot = process.getuid?.() === 0
const cleanups: (() => Promise<unknown>)[] = []

/** Work for the end of a test; the last comes first. */
export const atEnd = (work: () => Promise<unknown>): void => void cleanups.push(work)
/** Work for the very end of a test. */
export const atVeryEnd = (work: () => Promise<unknown>): void => void cleanups.unshift(work)

/**
 * A cluster for the tests of a file that don't need a new one, since to make one takes longer than most of them: they leave it as it was but for the table
 * `kept`. Gives where it is, once the tests run.
 */
export function sharedCluster(): () => string {
  let shared = ''
  beforeAll(async () => {
    const base = await realpath(await mkdtemp(join(tmpdir(), 'qtable-shared-')))
    await chmod(base, 0o755)
    shared = join(base, 'data')
    const db = await startEmbedded({ dataDir: shared, maxConnections: 10, durable: false, say: () => undefined })
    await db.stop()
  })
  afterAll(async () => {
    await rm(dirname(shared), { recursive: true, force: true })
  })
  return () => shared
}

/** A folder that ends with the test. Everybody may pass it, as /srv, unless told otherwise. */
export async function folder(mode = 0o755): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'qtable-test-')))
  await chmod(path, mode)
  atEnd(() => rm(path, { recursive: true, force: true }))
  return path
}

export async function start(dataDir: string, more: Partial<EmbeddedOptions> = {}): Promise<EmbeddedDatabase> {
  const db = await startEmbedded({ dataDir, maxConnections: 10, durable: false, say: () => undefined, ...more })
  atEnd(() => db.stop())
  return db
}

export async function keepRow(db: { url: string }): Promise<void> {
  await query(db, 'drop table if exists kept; create table kept as select 7 as n')
}

export async function query(db: { url: string }, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: db.url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const result = await client.query<Record<string, unknown>>(text)
    return result.rows
  } finally {
    await client.end()
  }
}

/** A server process on the folder that writes a row and then waits. Settles when it says that it runs, or why not. */
export async function serverProcess(dataDir: string): Promise<{ child: ChildProcess; said: string }> {
  const child = await spawnServer(dataDir)
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await Promise.race([once(child, 'exit'), child.stdout ? once(child.stdout, 'data') : undefined])
  return { child, said }
}

const EMBEDDED = new URL('../src/platform/embedded/embedded.ts', import.meta.url).href

/** A server process on the folder. */
export async function spawnServer(dataDir: string): Promise<ChildProcess> {
  const script = join(await folder(), 'server.mts')
  await writeFile(
    script,
    `import { startEmbedded } from ${JSON.stringify(EMBEDDED)}
     import pg from ${JSON.stringify(import.meta.resolve('pg'))}
     const db = await startEmbedded({ dataDir: process.argv[2], maxConnections: 10, durable: false, say() {} })
       .catch((error) => { process.stdout.write(error.name + ': ' + error.message); process.exit(1) })
     const client = new pg.Client({ connectionString: db.url })
     await client.connect()
     await client.query('drop table if exists kept; create table kept as select 7 as n')
     process.stdout.write('running')
     setInterval(() => {}, 1000)`,
  )
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  atEnd(() => kill9(child))
  return child
}

export async function kill9(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

export async function postmasterPid(location: string): Promise<number> {
  return Number((await readFile(join(location, 'data/postmaster.pid'), 'utf8')).split('\n')[0])
}

export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  // In a container nobody may collect a process that has ended, and whose parent has.
  return !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))
}

export async function until(condition: () => boolean | Promise<boolean>, millis = 10_000): Promise<void> {
  for (const end = Date.now() + upTo(millis); !(await condition()); await sleep(5)) {
    if (Date.now() > end) throw new Error('waited in vain')
  }
}

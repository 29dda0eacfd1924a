import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { canReach } from './embedded-home.ts'
import { type EmbeddedDatabase, type EmbeddedOptions, startEmbedded } from './embedded.ts'
import { StartupError } from './errors.ts'

// Real processes on a machine that may be busy with other things.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 })

const here = dirname(fileURLToPath(import.meta.url))
const root = process.getuid?.() === 0
const cleanups: (() => Promise<unknown>)[] = []

// To make a cluster takes longer than most of what is tested here: tests that don't need a new one share this,
// and leave it as it was but for the table `kept`.
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

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

/** A folder that ends with the test. Everybody may pass it, as /srv, unless told otherwise. */
async function folder(mode = 0o755): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'qtable-test-')))
  await chmod(path, mode)
  cleanups.push(() => rm(path, { recursive: true, force: true }))
  return path
}

async function start(dataDir: string, more: Partial<EmbeddedOptions> = {}): Promise<EmbeddedDatabase> {
  const db = await startEmbedded({ dataDir, maxConnections: 10, durable: false, say: () => undefined, ...more })
  cleanups.push(() => db.stop())
  return db
}

/** Whether the programs of the shared cluster are a copy, since its account can't run them where npm put them. */
const programsAreCopied = (): boolean =>
  readdirSync(join(shared, 'postgres')).some((name) => name.startsWith('native-'))

async function keepRow(db: { url: string }): Promise<void> {
  await query(db, 'drop table if exists kept; create table kept as select 7 as n')
}

async function query(db: { url: string }, text: string): Promise<Record<string, unknown>[]> {
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
async function serverProcess(dataDir: string): Promise<{ child: ChildProcess; said: string }> {
  const child = await spawnServer(dataDir)
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await Promise.race([once(child, 'exit'), child.stdout ? once(child.stdout, 'data') : undefined])
  return { child, said }
}

async function spawnServer(dataDir: string): Promise<ChildProcess> {
  const script = join(await folder(), 'server.mts')
  await writeFile(
    script,
    `import { startEmbedded } from ${JSON.stringify(pathToFileURL(join(here, 'embedded.ts')).href)}
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
    cwd: join(here, '../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanups.push(() => kill9(child))
  return child
}

async function kill9(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

async function postmasterPid(location: string): Promise<number> {
  return Number((await readFile(join(location, 'data/postmaster.pid'), 'utf8')).split('\n')[0])
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  // In a container nobody may collect a process that has ended, and whose parent has.
  return !/^State:\s+Z/m.test(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))
}

async function until(condition: () => boolean | Promise<boolean>, millis = 10_000): Promise<void> {
  for (const end = Date.now() + millis; !(await condition()); await sleep(5)) {
    if (Date.now() > end) throw new Error('waited in vain')
  }
}

test('a first start makes a PostgreSQL 18 that is on no network, and a second finds the row of the first', async () => {
  // Where PostgreSQL's programs are copied into the folder, a double quote is more than they bear.
  const dataDir = join(await folder(), programsAreCopied() ? `a b, c d'e%41` : `a b, c"d'e%41`)
  const first = await start(dataDir)
  expect(first.location).toBe(join(dataDir, 'postgres'))
  const [settings] = await query(
    first,
    `select current_setting('server_version_num')::int / 10000 as major, current_database() as name, current_user as login,
       current_setting('listen_addresses') as addresses, current_setting('server_encoding') as encoding,
       current_setting('TimeZone') as zone, current_setting('data_checksums') as checksums,
       current_setting('max_connections') as connections, current_setting('wal_level') as wal, datlocprovider::text as provider,
       (select rolpassword like 'SCRAM-SHA-256$%' from pg_authid where rolname = current_user) as scram
     from pg_database where datname = current_database()`,
  )
  expect(settings).toEqual({
    major: 18,
    name: 'qtable',
    login: 'qtable',
    addresses: '',
    encoding: 'UTF8',
    zone: 'UTC',
    checksums: 'on',
    connections: '10',
    wal: 'minimal',
    provider: 'b',
    scram: true,
  })
  expect((await stat(join(dataDir, 'postgres-password'))).mode & 0o777).toBe(0o600)
  expect((await stat(join(first.location, 'run'))).mode & 0o777).toBe(0o700)
  const wrong = { url: first.url.replace(/:[0-9a-f]{48}@/, ':wrong@') }
  await expect(query(wrong, 'select')).rejects.toThrow(/password authentication failed/)
  await keepRow(first)
  const pid = await postmasterPid(first.location)
  await first.stop()
  await first.stop()
  expect(await isAlive(pid)).toBe(false)

  const second = await start(dataDir)
  expect(await query(second, 'select n from kept')).toEqual([{ n: 7 }])
  expect(second.url).toBe(first.url)
})

test.runIf(process.platform === 'linux')('it gives way to the server that sends to it: SCHED_BATCH', async () => {
  const pid = await postmasterPid((await start(shared)).location)
  // Sessions are its children and have what it has.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // Field 41 of proc_pid_stat(5), the first of those behind the name being the third; 3 is SCHED_BATCH.
  expect(stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[38]).toBe('3')
})

test('a second server on the folder is refused, by whatever path it comes, until the first has stopped', async () => {
  const dataDir = shared
  const base = await folder()
  const first = await start(dataDir)
  await symlink(dataDir, join(base, 'other'))
  for (const path of [dataDir, join(base, 'other')]) {
    const refused = start(path)
    await expect(refused).rejects.toThrow(StartupError)
    await expect(refused).rejects.toThrow(`Another QTable server (process ${process.pid}) is running on ${path}.`)
  }
  expect(await query(first, 'select 1 as n')).toEqual([{ n: 1 }])
  await first.stop()
  await start(dataDir)
})

test('of servers that start at the same moment exactly one wins', async () => {
  const dataDir = shared
  const within = await Promise.allSettled([start(dataDir), start(dataDir), start(dataDir)])
  expect(within.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected'])
  for (const result of within) if (result.status === 'fulfilled') await result.value.stop()

  const across = await Promise.all([serverProcess(dataDir), serverProcess(dataDir)])
  const said = across.map((server) => server.said).toSorted()
  expect(said[0]).toMatch(/^StartupError: Another QTable server \(process \d+\) is running on /)
  expect(said[1]).toBe('running')
  // The winner is killed in the end: the last start is for what it leaves running.
  for (const { child } of across) await kill9(child)
  await start(dataDir)
})

test('kill -9 of the server leaves its PostgreSQL, which the next start stops and whose rows it has', async () => {
  const dataDir = shared
  const { child, said } = await serverProcess(dataDir)
  expect(said).toBe('running')
  const left = await postmasterPid(join(dataDir, 'postgres'))
  await kill9(child)
  expect(await isAlive(left)).toBe(true)

  const messages: string[] = []
  const db = await start(dataDir, { say: (message) => messages.push(message) })
  expect(messages).toEqual([expect.stringContaining(`PostgreSQL (process ${left}) was left running`)])
  expect(await isAlive(left)).toBe(false)
  expect(await query(db, 'select n from kept')).toEqual([{ n: 7 }])
})

test('kill -9 of PostgreSQL is healed: it is started again, with the rows, and listeners are told', async () => {
  const db = await start(shared, { durable: true })
  await keepRow(db)
  const before = await postmasterPid(db.location)
  // A session that is at work goes on for a moment without its postmaster, and holds the cluster's memory.
  const busy = query(db, 'select count(*) from generate_series(1, 3000000)').catch((error: unknown) => error)
  const again = new Promise<void>((resolve) => {
    db.onRestart(resolve)
  })
  process.kill(before, 'SIGKILL')
  await again
  expect(await query(db, 'select n from kept')).toEqual([{ n: 7 }])
  expect(await postmasterPid(db.location)).not.toBe(before)
  await busy
})

test('PostgreSQL that dies five times within a minute is given up, and why is told', async () => {
  const messages: string[] = []
  const db = await start(shared, { say: (message) => messages.push(message) })
  let restarts = 0
  db.onRestart(() => {
    restarts++
  })
  for (let death = 0; death < 5; death++) {
    await until(() => restarts === death)
    process.kill(await postmasterPid(db.location), 'SIGKILL')
  }
  await until(() => messages.length === 5)
  expect(messages[4]).toMatch(
    /was ended by SIGKILL\. It failed 5 times within a minute .* ready to accept connections$/,
  )
  expect(messages.every((message) => !message.includes('\n'))).toBe(true)
  await db.stop()
})

test('stop during a restart leaves nothing behind', async () => {
  const dataDir = shared
  for (const millis of [0, 90, 110, 130]) {
    const db = await start(dataDir)
    process.kill(await postmasterPid(db.location), 'SIGKILL')
    await sleep(millis)
    await db.stop()
    const pid = await postmasterPid(db.location).catch(() => 0)
    expect(pid === 0 || !(await isAlive(pid))).toBe(true)
  }
})

test('a stale postmaster.pid whose number another process has now stops neither the start nor that process', async () => {
  const dataDir = shared
  const location = join(dataDir, 'postgres')
  const other = spawn('sleep', ['60'], { stdio: 'ignore' })
  cleanups.push(() => kill9(other))
  const stale = `${other.pid}\n${location}/data\n1700000000\n5432\n${location}/run\n\n  1234567    123456\nready   \n`
  await writeFile(join(location, 'data/postmaster.pid'), stale)
  await writeFile(join(location, 'run/.s.PGSQL.5432.lock'), stale)
  const db = await start(dataDir)
  expect(await query(db, 'select 1 as n')).toEqual([{ n: 1 }])
  expect(other.exitCode).toBe(null)
  await db.stop()

  await kill9(other)
  await writeFile(join(location, 'data/postmaster.pid'), stale)
  await start(dataDir)
})

test('a cluster whose making was cut off by kill -9 is made anew', async () => {
  const dataDir = join(await folder(), 'data')
  const home = join(dataDir, 'postgres')
  const child = await spawnServer(dataDir)
  await until(async () => (await readdir(home).catch(() => [])).some((name) => /^new-\w+$/.test(name)))
  await kill9(child)
  expect(existsSync(join(home, 'data'))).toBe(false)
  await mkdir(join(home, 'new-0ld/base'), { recursive: true })

  const db = await start(dataDir)
  expect(await query(db, 'select 1 as n')).toEqual([{ n: 1 }])
  expect(existsSync(join(home, 'new-0ld'))).toBe(false)
})

test('a cluster of another PostgreSQL, and a folder that is none, are refused and left alone', async () => {
  const dataDir = shared
  const location = join(dataDir, 'postgres')
  const path = join(location, 'data/PG_VERSION')
  cleanups.push(() => writeFile(path, '18\n'))
  await writeFile(path, '17\n')
  await expect(start(dataDir)).rejects.toThrow(/made by PostgreSQL 17; this QTable brings PostgreSQL 18/)
  await rm(path)
  await expect(start(dataDir)).rejects.toThrow(/is no PostgreSQL cluster/)
})

test('a backup that was copied back works, with its password lost too; a wrong password is named', async () => {
  const first = await start(shared)
  await keepRow(first)
  await first.stop()
  const dataDir = join(await folder(), 'data')
  // When root copies, everything becomes root's own.
  execFileSync('cp', ['-r', shared, dataDir])
  await rm(join(dataDir, 'postgres-password'))
  const second = await start(dataDir)
  expect(second.url).not.toBe(first.url)
  expect(await query(second, 'select n from kept')).toEqual([{ n: 7 }])
  await second.stop()
  await writeFile(join(dataDir, 'postgres-password'), `${'0'.repeat(48)}\n`)
  await expect(start(dataDir)).rejects.toThrow(/postgres-password is not the password of the database/)
})

test('a start that fails tells the last lines of the log', async () => {
  const dataDir = shared
  const location = join(dataDir, 'postgres')
  const path = join(location, 'data/postgresql.conf')
  const before = await readFile(path)
  cleanups.push(() => writeFile(path, before))
  await writeFile(path, 'no_such_setting = 1\n')
  const failed = start(dataDir)
  await expect(failed).rejects.toThrow(StartupError)
  await expect(failed).rejects.toThrow(/did not start: it ended with code 1\. Its log says:\n.*no_such_setting/s)
})

test('a log that has grown too long is put aside', async () => {
  const dataDir = shared
  const location = join(dataDir, 'postgres')
  await writeFile(join(location, 'postgres.log'), 'x'.repeat(5_000_000))
  await start(dataDir)
  expect((await stat(join(location, 'postgres.log'))).size).toBeLessThan(10_000)
  expect((await stat(join(location, 'postgres.log.1'))).size).toBe(5_000_000)
})

test('a path that is too long for a unix socket is served by a short one', async () => {
  const dataDir = join(await folder(), 'long'.repeat(30), 'data')
  const db = await start(dataDir)
  const short = new URL(db.url.replace('@/', '@host/')).searchParams.get('host') ?? ''
  expect(short.length).toBeLessThan(90)
  expect(await realpath(short)).toBe(join(dataDir, 'postgres/run'))
  expect(await query(db, 'select 1 as n')).toEqual([{ n: 1 }])
  await expect(start(dataDir)).rejects.toThrow(/Another QTable server/)
  await db.stop()
  await expect(lstat(dirname(short))).rejects.toThrow('ENOENT')
})

test.skipIf(!root)(
  'root (only root can be another user): an unreachable data folder gets a link to /var/lib',
  async () => {
    const base = await folder(0o700)
    const dataDir = join(base, 'data')
    const messages: string[] = []
    const db = await start(dataDir, { say: (message) => messages.push(message) })
    cleanups.unshift(() => rm(db.location, { recursive: true, force: true }))
    expect(db.location).toMatch(/^\/var\/lib\/qtable\/[0-9a-f]{12}$/)
    expect(await readlink(join(dataDir, 'postgres'))).toBe(db.location)
    expect(messages).toEqual([expect.stringMatching(`The database is in ${db.location}, .*can't reach ${dataDir}`)])
    expect((await stat(join(db.location, 'data'))).uid).not.toBe(0)
    await keepRow(db)
    await db.stop()

    // The link wins, also when the folder could be reached now.
    await chmod(base, 0o755)
    const again = await start(dataDir, { say: (message) => messages.push(message) })
    expect(again.location).toBe(db.location)
    expect(await query(again, 'select n from kept')).toEqual([{ n: 7 }])
    await again.stop()
    expect(messages).toHaveLength(1)

    await rm(db.location, { recursive: true })
    await expect(start(dataDir)).rejects.toThrow(/points to .* and that folder is gone/)
  },
)

test.skipIf(!root)(
  'root (an ordinary user needs no other account): without an account it says what to do',
  async () => {
    const started = start(join(await folder(), 'data'), { unprivilegedAccounts: ['no-such-account', 'root'] })
    await expect(started).rejects.toThrow(StartupError)
    await expect(started).rejects.toThrow(/no user no-such-account or root .*useradd --system postgres/)
  },
)

test.skipIf(root)(
  'ordinary user (root may do everything): a data folder that may not be written is named',
  async () => {
    const base = await folder(0o555)
    cleanups.push(() => chmod(base, 0o755))
    const started = start(join(base, 'data'))
    await expect(started).rejects.toThrow(StartupError)
    await expect(started).rejects.toThrow(`${base}/data, can't be used`)
  },
)

test('canReach goes by the permission bits of every folder on the way', async () => {
  const base = await folder(0o755)
  const { uid, gid } = await stat(base)
  const [other, otherGroup] = [uid + 54_321, gid + 54_321]
  const file = join(base, 'in/file')
  await mkdir(join(base, 'in'))
  await writeFile(file, '')
  await symlink(join(base, 'in'), join(base, 'link'))
  const cases: [folder: number, file: number, uid: number, gid: number, folder: boolean, file: boolean][] = [
    [0o755, 0o644, other, otherGroup, true, true],
    [0o711, 0o644, other, otherGroup, true, true],
    [0o711, 0o640, other, otherGroup, true, false],
    [0o744, 0o644, other, otherGroup, false, false],
    [0o700, 0o644, other, otherGroup, false, false],
    [0o750, 0o640, other, gid, true, true],
    // The bits of the group count for the group, even when those of others would let it in.
    [0o707, 0o644, other, gid, false, false],
    ...(root ? [] : ([[0o077, 0o644, uid, gid, false, false]] as [number, number, number, number, boolean, boolean][])),
    [0o000, 0o000, 0, 0, true, true],
  ]
  for (const [folderMode, fileMode, user, group, folderReached, fileReached] of cases) {
    await chmod(file, fileMode)
    await chmod(join(base, 'in'), folderMode)
    // As an ordinary user we can't look into a folder that is closed to ourselves either, which counts as out of reach.
    const blind = !root && (folderMode & 0o100) === 0
    expect([folderMode, await canReach(join(base, 'in'), user, group)]).toEqual([folderMode, folderReached])
    expect([folderMode, await canReach(join(base, 'link/file'), user, group)]).toEqual([
      folderMode,
      fileReached && !blind,
    ])
    await chmod(join(base, 'in'), 0o755)
    await chmod(file, 0o644)
  }
  expect(await canReach(join(base, 'missing'), uid, gid)).toBe(false)
  await chmod(base, 0o700)
  expect(await canReach(file, other, otherGroup)).toBe(false)
})

import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  atEnd,
  folder,
  isAlive,
  keepRow,
  kill9,
  postmasterPid,
  query,
  serverProcess,
  start,
  sharedCluster,
} from '../../../test/embedded.ts'
import { StartupError } from '../errors.ts'

/** Starts of the PostgreSQL that comes along: first ones, second ones, refused ones. */

const shared = sharedCluster()

/** Whether the programs of the shared cluster are a copy, since its account can't run them where npm put them. */
const programsAreCopied = (): boolean =>
  readdirSync(join(shared(), 'postgres')).some((name) => name.startsWith('native-'))

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
  const pid = await postmasterPid((await start(shared())).location)
  // Sessions are its children and have what it has.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // Field 41 of proc_pid_stat(5), the first of those behind the name being the third; 3 is SCHED_BATCH.
  expect(stat.slice(stat.lastIndexOf(') ') + 2).split(' ')[38]).toBe('3')
})

test('a second server on the folder is refused, by whatever path it comes, until the first has stopped', async () => {
  const dataDir = shared()
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
  const dataDir = shared()
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

test('a cluster of another PostgreSQL, and a folder that is none, are refused and left alone', async () => {
  const dataDir = shared()
  const location = join(dataDir, 'postgres')
  const path = join(location, 'data/PG_VERSION')
  atEnd(() => writeFile(path, '18\n'))
  await writeFile(path, '17\n')
  await expect(start(dataDir)).rejects.toThrow(/made by PostgreSQL 17; this QTable brings PostgreSQL 18/)
  await rm(path)
  await expect(start(dataDir)).rejects.toThrow(/is no PostgreSQL cluster/)
})

test('a backup that was copied back works, with its password lost too; a wrong password is named', async () => {
  const first = await start(shared())
  await keepRow(first)
  await first.stop()
  const dataDir = join(await folder(), 'data')
  // When root copies, everything becomes root's own.
  execFileSync('cp', ['-r', shared(), dataDir])
  await rm(join(dataDir, 'postgres-password'))
  const second = await start(dataDir)
  expect(second.url).not.toBe(first.url)
  expect(await query(second, 'select n from kept')).toEqual([{ n: 7 }])
  await second.stop()
  await writeFile(join(dataDir, 'postgres-password'), `${'0'.repeat(48)}\n`)
  await expect(start(dataDir)).rejects.toThrow(/postgres-password is not the password of the database/)
})

test('a start that fails tells the last lines of the log', async () => {
  const dataDir = shared()
  const location = join(dataDir, 'postgres')
  const path = join(location, 'data/postgresql.conf')
  const before = await readFile(path)
  atEnd(() => writeFile(path, before))
  await writeFile(path, 'no_such_setting = 1\n')
  const failed = start(dataDir)
  await expect(failed).rejects.toThrow(StartupError)
  await expect(failed).rejects.toThrow(/did not start: it ended with code 1\. Its log says:\n.*no_such_setting/s)
})

test('a log that has grown too long is put aside', async () => {
  const dataDir = shared()
  const location = join(dataDir, 'postgres')
  await writeFile(join(location, 'postgres.log'), 'x'.repeat(5_000_000))
  await start(dataDir)
  expect((await stat(join(location, 'postgres.log'))).size).toBeLessThan(10_000)
  expect((await stat(join(location, 'postgres.log.1'))).size).toBe(5_000_000)
})

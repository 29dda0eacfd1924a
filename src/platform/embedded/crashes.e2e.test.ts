import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
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
  spawnServer,
  start,
  until,
  sharedCluster,
} from '../../../test/embedded.ts'

/** What is left when a server or its PostgreSQL is killed. */

const shared = sharedCluster()

test('kill -9 of the server leaves its PostgreSQL, which the next start stops and whose rows it has', async () => {
  const dataDir = shared()
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
  const db = await start(shared(), { durable: true })
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
  const db = await start(shared(), { say: (message) => messages.push(message) })
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
  const dataDir = shared()
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
  const dataDir = shared()
  const location = join(dataDir, 'postgres')
  const other = spawn('sleep', ['60'], { stdio: 'ignore' })
  atEnd(() => kill9(other))
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

import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { limits } from '../../src/platform/limits.ts'
import { register, request } from '../kit.ts'
import { openFloor, write, type Sent } from './load.ts'
import { expectAcknowledged, expectWhole } from './oracle.ts'
import { familyOf, isAlive, signal, until } from './processes.ts'
import {
  cleanUp,
  cleanUpAll,
  embeddedUrl,
  folder,
  freePort,
  killPostgres,
  postmasterOf,
  startServer,
  type ServerProcess,
} from './server.ts'
import { within } from '../patience.ts'
import { randomFrom } from '../random.ts'

afterEach(cleanUpAll)

const STOP_MILLIS = within(10_000)
/** Answers from which on writers count as at work. */
const SOME = 20
const seed = Number(process.env['KILL_SEED'] ?? Date.now() % 1_000_000)

async function start(): Promise<{ server: ServerProcess; env: Record<string, string>; dataDir: string }> {
  const dataDir = join(await folder(), 'data')
  const env = { QTABLE_DATA: dataDir, PORT: await freePort() }
  return { server: await startServer(env), env, dataDir }
}

const answersOf = (sent: readonly Sent[]) => sent.flatMap(({ answer }) => (answer === null ? [] : [answer]))

/** Nothing but answers and 503. Of anything else the server's log says why. */
function expectNoFault(server: ServerProcess, sent: readonly Sent[]): void {
  const faults = answersOf(sent).filter(({ status }) => status >= 500 && status !== 503)
  const reasons = server
    .output()
    .split('\n')
    .filter((line) => line.includes('a request failed'))
  expect(
    faults.map(({ text }) => text),
    reasons.join(' '),
  ).toEqual([])
}

test(`P14: SIGTERM under load answers what is under way, closes sockets with 1001 and leaves no process (seed ${seed})`, async () => {
  const { server, env, dataDir } = await start()
  const floor = await openFloor(await register(server.base), 6)
  const { restaurant } = floor
  const devices = await Promise.all([restaurant.device(), restaurant.device('/ws/restaurant/sync')])
  const postmaster = await postmasterOf(dataDir)
  expect((await familyOf(server.pid)).length).toBeGreaterThan(2)
  // Requests that are surely under way: they wait for a table that somebody holds.
  const held = await restaurant.table('held')
  const holder = new pg.Client({ connectionString: await embeddedUrl(dataDir) })
  await holder.connect()
  await holder.query('begin')
  await holder.query('select 1 from qtable.tables where id = $1 for update', [held])
  const waiting = Array.from({ length: 3 }, () => restaurant.v2('POST', `/tables/${held}/clear`, {}))
  let stopped = false
  const random = randomFrom(seed)
  const writers = Array.from({ length: 8 }, () => write(floor, random, () => stopped))
  await until(() => answersOf(floor.sent).length >= SOME)
  await until(async () => {
    const sql = `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'`
    const { rows } = await holder.query<{ n: number }>(sql)
    return rows[0]!.n >= waiting.length
  })

  const ended = server.end('SIGTERM')
  expect(await Promise.all(devices.map(({ closed }) => closed))).toEqual([1001, 1001])
  await holder.query('commit')
  await holder.end()
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200])
  const { code, millis } = await ended
  expect({ code, quick: millis < STOP_MILLIS }).toEqual({ code: 0, quick: true })
  expect(await isAlive(postmaster)).toBe(false)
  stopped = true
  await Promise.all(writers)
  expectNoFault(server, floor.sent)

  const again = await startServer(env)
  expect(again.output()).not.toContain('left running')
  await expectAcknowledged(await embeddedUrl(dataDir), floor)
  await expectWhole(await embeddedUrl(dataDir), restaurant)
})

test('P14: clients that say nothing, or half of it, do not keep a server from stopping', async () => {
  const { server, dataDir } = await start()
  const port = Number(new URL(server.base).port)
  const postmaster = await postmasterOf(dataDir)
  for (const text of [
    '',
    'POST /auth/login HTTP/1.1\r\n',
    'POST /auth/login HTTP/1.1\r\nContent-Length: 99\r\n\r\n{',
  ]) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    cleanUp(async () => socket.destroy())
    await once(socket, 'connect')
    socket.write(text)
  }
  // Whoever asks after them is answered after they were heard.
  expect((await request(server.base, 'GET', '/health/live')).status).toBe(200)
  const { code, millis } = await server.end('SIGTERM')
  expect({ code, quick: millis < within(limits.stopMillis + 5_000) }).toEqual({ code: 0, quick: true })
  expect(await isAlive(postmaster)).toBe(false)
})

test(`P14, P15, L4: PostgreSQL dies under load: 503 for a moment, then all goes on, sockets too (seed ${seed})`, async () => {
  const { server, dataDir } = await start()
  const floor = await openFloor(await register(server.base), 6)
  const { restaurant } = floor
  const opened = await expectWhole(await embeddedUrl(dataDir), restaurant)
  const devices = await Promise.all([restaurant.device(), restaurant.device('/ws/restaurant/sync')])
  const random = randomFrom(seed)
  for (const kill of [async () => signal(await postmasterOf(dataDir), 'SIGKILL'), () => killPostgres(dataDir)]) {
    floor.sent.length = 0
    const before = await postmasterOf(dataDir)
    let stopped = false
    const writers = Array.from({ length: 4 }, () => write(floor, random, () => stopped))
    const done = () => answersOf(floor.sent).filter(({ status }) => status < 300).length
    await until(() => done() >= SOME)
    await kill()
    // Somebody who hasn't signed in yet must be told the same.
    const email = 'nobody@cedar.example'
    const signIns: number[] = []
    await until(async () => {
      const { status } = await request(server.base, 'POST', '/auth/login', { email, password: 'x' })
      signIns.push(status)
      return status === 401 && (await postmasterOf(dataDir)) !== before
    })
    const recovered = done()
    await until(() => done() >= recovered + SOME)
    stopped = true
    await Promise.all(writers)
    expect(signIns.filter((status) => status !== 401 && status !== 503)).toEqual([])
    expectNoFault(server, floor.sent)
    const away = answersOf(floor.sent).filter(({ status }) => status === 503)
    expect(away.length).toBeGreaterThan(0)
    expect(new Set(away.map(({ headers }) => headers.get('retry-after')))).toEqual(new Set(['1']))
    await expectAcknowledged(await embeddedUrl(dataDir), floor)
    await expectWhole(await embeddedUrl(dataDir), restaurant)

    const id = await restaurant.table(`after ${before}`)
    for (const device of devices) await device.until((heard) => heard.some(({ table_id }) => table_id === id))
  }
  // Each once and in order, though some commits were of unknown outcome to the server itself.
  const log = (await expectWhole(await embeddedUrl(dataDir), restaurant)).slice(opened.length)
  const told = log.flatMap(({ entries }) =>
    ['guest', 'table'].flatMap((kind) => entries.filter((e) => e.kind === kind)),
  )
  // After a batch a device is also told that it is done. This socket did not ask for reservations.
  const changes = devices[0].messages.slice(1).filter(({ type }) => type !== 'atomic_transaction_complete')
  const heard = changes.map(({ guest_id, table_id }) => guest_id ?? table_id)
  expect(heard).toEqual(told.map(({ id }) => id))
  expect(devices.map(({ ws }) => ws.readyState)).toEqual([1, 1])
  expect((await server.end('SIGTERM')).code).toBe(0)
})

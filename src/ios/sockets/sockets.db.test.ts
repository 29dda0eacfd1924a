import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDevice, startApp, type Restaurant, type TestApp } from '../../../test/kit.ts'
import { limits } from '../../platform/limits.ts'
import { upTo, within } from '../../../test/patience.ts'

let app: TestApp
let a: Restaurant
let b: Restaurant
beforeAll(async () => {
  app = await startApp()
  a = await app.restaurant('A')
  b = await app.restaurant('B')
})
afterAll(() => app.close())

const realtime = (query: string, options?: Parameters<typeof openDevice>[2]) =>
  openDevice(app.base, `/realtime?${query}`, options)
const sync = (query: string, options?: Parameters<typeof openDevice>[2]) =>
  openDevice(app.base, `/ws/restaurant/sync?${query}`, options)
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

test('W1: the token may come in the header, the address or the first message', async () => {
  const devices = [
    await realtime(`restaurant_id=${a.id}`, bearer(a.token)),
    await realtime(`restaurant_id=${a.id}&token=${a.token}`),
    await sync('', bearer(a.token)),
    await sync(`restaurant_id=1&token=${a.token}`),
    await sync(`restaurant_id=${a.id}&token=${a.token}`),
  ]
  const later = await realtime(`restaurant_id=${a.id}`, { wait: false })
  expect(later.messages).toEqual([])
  later.ws.send(JSON.stringify({ type: 'authenticate', token: a.token }))
  await later.until((heard) => heard.length === 1)
  expect([...devices, later].map(({ messages }) => [messages[0]!['type'], messages[0]!['restaurant_id']])).toEqual([
    ['restaurant_connect', a.id],
    ['restaurant_connect', a.id],
    ['connection_established', a.id],
    ['connection_established', 1],
    ['connection_established', a.id],
    ['restaurant_connect', a.id],
  ])
  for (const device of [...devices, later]) await device.close()
  await expect.poll(() => app.app.sockets.figures).toEqual({ sockets: 0, restaurants: 0 })
  expect(app.app.hub.figures.rooms).toBe(0)
})

test('W1: a wrong token or another restaurant is refused with 403 before the upgrade', async () => {
  const attempts = [
    () => realtime(`restaurant_id=${a.id}&token=garbage`),
    () => realtime(`restaurant_id=${a.id}&token=${b.token}`),
    () => realtime(`token=${a.token}`),
    () => realtime(`restaurant_id=&token=${a.token}`),
    () => realtime(`restaurant_id=${a.id}`, { headers: { authorization: 'Basic eDp5' } }),
    () => sync(`restaurant_id=${b.id}&token=${a.token}`),
    () => sync('restaurant_id=1&token='),
    () => openDevice(app.base, `/realtime/nope?restaurant_id=${a.id}&token=${a.token}`),
    () => openDevice(app.base, `/nope`),
  ]
  for (const attempt of attempts) await expect(attempt()).rejects.toThrow('refused with 403')
})

test("W1: a first message that is no token, a wrong one or another restaurant's is answered with 4401 and nothing else", async () => {
  for (const first of [
    '{"type":"ping"}',
    'not json',
    '[]',
    JSON.stringify({ type: 'authenticate', token: 'x' }),
    JSON.stringify({ type: 'authenticate', token: b.token }),
    JSON.stringify({ type: 'authenticate', token: 7 }),
  ]) {
    const device = await realtime(`restaurant_id=${a.id}`, { wait: false })
    device.ws.send(first)
    expect(await device.closed, first).toBe(4401)
    expect(device.messages).toEqual([])
  }
})

test('W1: who says nothing for 5 seconds is closed with 4401, and hears no change before that', async () => {
  const device = await realtime(`restaurant_id=${a.id}`, { wait: false })
  const opened = Date.now()
  await a.walkIn()
  expect(await device.closed).toBe(4401)
  expect(Date.now() - opened).toBeGreaterThan(limits.socketSignInMillis - 500)
  expect(device.messages).toEqual([])
})

test(
  'W2: two and twenty devices hear every change once and in the order of the log; another restaurant hears nothing',
  { timeout: upTo(600_000) },
  async () => {
    const commands = Number(process.env['STREAM_COMMANDS'] ?? 500)
    const devices = await Promise.all(
      Array.from({ length: 22 }, (_, i) => a.device(i % 2 ? '/realtime' : '/ws/restaurant/sync')),
    )
    const stranger = await b.device()
    const [{ seq: from }] = (await app.database.sql<{ seq: string }>(
      'select seq from qtable.heads where restaurant_id = $1',
      [a.id],
    )) as [{ seq: string }]
    const ids = await Promise.all(Array.from({ length: 8 }, (_, i) => a.table(`W${i}`)))
    let left = commands
    const writer = async (n: number) => {
      const guest = await a.walkIn(`W${n}`)
      for (let i = 0; left-- > 0; i++) {
        // Eight writers over eight tables, each at another one at a time: seats, moves, take-overs, clears, edits.
        const table = ids[(n * 3 + i * 5) % 8]!
        const body = [
          { status: 'Seated', table_id: table },
          { table_id: table },
          { notes: `n${i}` },
          { status: 'Waitlist' },
        ][i % 4]
        const answer =
          i % 7 === 6 ? await a.call('PUT', `/tables/${table}/clear`) : await a.call('PUT', `/guests/${guest}`, body)
        expect(answer.status).toBe(200)
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, n) => writer(n)))
    const last = await a.walkIn('the last')
    await a.call('DELETE', `/guests/${last}`)

    const log = await app.database.sql<{
      seq: string
      at: string
      entries: { kind: string; id: string; event: string; op: string }[]
    }>(
      `select seq, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, entries from qtable.changes
     where restaurant_id = $1 and seq > $2 order by seq`,
      [a.id, from],
    )
    expect(log.length).toBeGreaterThan(commands)
    const order = (kinds: string[]) =>
      log.flatMap(({ at, entries }) =>
        kinds.flatMap((kind) => entries.filter((e) => e.kind === kind).map(({ id }) => `${at} ${id}`)),
      )
    const expected = {
      realtime: order(['guest', 'table']),
      sync: log.flatMap(({ at, entries }) =>
        ['guest', 'table'].flatMap((kind) =>
          entries
            .filter((e) => e.kind === kind && (kind === 'table' || e.event === 'cleared' || e.op === 'drop'))
            .map(({ id }) => `${at} ${id}`),
        ),
      ),
    }
    for (const [i, device] of devices.entries()) {
      const wanted = i % 2 ? expected.realtime : expected.sync
      await device.until((heard) => heard.length > wanted.length, 20_000)
      const heard = device.messages
        .slice(1)
        .map((m) => `${m['timestamp']} ${m['guest_id'] ?? m['table_id'] ?? m['guestId'] ?? m['guest']?.id}`)
      expect(heard.length).toBe(wanted.length)
      expect(heard).toEqual(wanted)
    }
    console.log(
      `${log.length} changes from 8 writers, ${expected.realtime.length} messages to each of 11 realtime and ${expected.sync.length} to each of 11 sync devices`,
    )
    expect(stranger.messages).toHaveLength(1)
    for (const device of [...devices, stranger]) await device.close()
  },
)

test('W3: ping is answered, what is not understood is ignored, binary and lists too', async () => {
  const device = await a.device()
  for (const frame of ['[]', 'null', '7', '"text"', '{}', '{"type":"subscribe"}', 'not json']) device.ws.send(frame)
  device.ws.send(Buffer.from([0, 1, 2]))
  device.ws.send('{"type":"ping","id":7}')
  await device.until((heard) => heard.length === 2)
  expect(device.messages[1]).toEqual({
    type: 'pong',
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  })
  device.ws.send('x'.repeat(limits.socketFrameBytes + 1))
  expect(await device.closed).toBe(1009)
})

test('W3: silence is answered with heartbeats', async () => {
  const quick = await startApp({ WS_HEARTBEAT_INTERVAL: '1' })
  const device = await (await quick.restaurant()).device()
  await device.until(() => device.all.length >= 3, 6_000)
  expect(device.messages).toHaveLength(1)
  await quick.close()
})

test(
  'W5: a peer that does not read is closed and dropped, and the others hear everything',
  { timeout: upTo(60_000) },
  async () => {
    const reader = await a.device()
    const { port } = new URL(app.base)
    // A raw socket that shakes hands and then never reads again.
    const stalled = connect(Number(port), '127.0.0.1')
    const path = `/realtime?restaurant_id=${a.id}&token=${a.token}`
    stalled.write(
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    )
    await new Promise((resolve) => stalled.once('data', resolve))
    stalled.pause()
    await expect.poll(() => app.app.sockets.figures.sockets).toBe(2)
    const guest = await a.walkIn()
    const notes = 'x'.repeat(9_000)
    let sent = 0
    while (app.app.sockets.figures.sockets === 2 && sent < 4_000) {
      await Promise.all(Array.from({ length: 16 }, () => a.call('PUT', `/guests/${guest}`, { notes })))
      sent += 16
    }
    expect(app.app.sockets.figures.sockets).toBe(1)
    await reader.until((heard) => heard.length === sent + 2)
    stalled.destroy()
    await reader.close()
  },
)

test('W6: without a token only where the setting allows it, and only the restaurant it allows', async () => {
  const open = await startApp({ TOKENLESS_SOCKETS: 'on' })
  const r = await open.restaurant()
  const device = await openDevice(open.base, `/realtime?restaurant_id=${r.id}`)
  await r.walkIn()
  await device.until((heard) => heard.at(-1)?.['type'] === 'guest_created')
  await open.close()

  const one = await startApp({ TOKENLESS_SOCKETS: a.id })
  const old = await openDevice(one.base, '/ws/restaurant/sync?restaurant_id=1', { wait: false })
  // No restaurant of this id stands in this database: nothing is sent, and the socket is asked to come again.
  expect(await old.closed).toBe(1001)
  expect(old.messages).toEqual([])
  await one.close()
})

test('W7: a socket ends with the account, the role or the restaurant that it was opened for, and others stay', async () => {
  for (const sql of [
    'update qtable.staff set is_active = false where restaurant_id = $1',
    `update qtable.staff set role = 'host' where restaurant_id = $1`,
    'update qtable.restaurants set is_active = false where restaurant_id = $1',
  ]) {
    const r = await app.restaurant()
    const [device, bystander] = [await r.device(), await b.device()]
    await app.app.access.review()
    await app.database.sql(sql, [r.id])
    const changed = Date.now()
    expect(await device.closed).toBe(4401)
    expect(Date.now() - changed).toBeLessThan(within(2_000))
    bystander.ws.send('{"type":"ping"}')
    await bystander.until((heard) => heard.length === 2)
    await bystander.close()
  }
})

test('W7: a stopping server asks its sockets to come again', async () => {
  const stopping = await startApp()
  const device = await (await stopping.restaurant()).device()
  await stopping.close()
  expect(await device.closed).toBe(1001)
})

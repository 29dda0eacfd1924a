import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { randomFrom } from '../random.ts'
import { until } from './processes.ts'
import { openProxy, openProxyTo, type Proxy } from './proxy.ts'
import { needsRedis, startRedis } from './redis.ts'
import { RedisConnection } from './resp.ts'
import { cleanUp, cleanUpAll } from './server.ts'
import { within } from '../patience.ts'

// Times are compared by order of magnitude: a machine may be slow, it is never early.
afterEach(cleanUpAll)

/** One end of a wire, with what arrived there. */
class End {
  readonly socket: Socket
  bytes = 0
  pieces = 0
  text = ''
  ended = false
  /** `closed`, or the code of the error that closed it. */
  fate: string | undefined
  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (data: Buffer) => {
      this.bytes += data.length
      this.pieces++
      if (this.text.length < 1_000) this.text += data.toString('latin1')
    })
    socket.on('end', () => (this.ended = true))
    socket.on('error', (error: NodeJS.ErrnoException) => (this.fate ??= error.code))
    socket.on('close', () => (this.fate ??= 'closed'))
    cleanUp(async () => socket.destroy())
  }
}

interface Wire {
  readonly proxy: Proxy
  readonly server: Server
  /** A client and the server's end of its connection. */
  readonly join: () => Promise<{ client: End; peer: End }>
}

async function openWire(): Promise<Wire> {
  const peers: Socket[] = []
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void peers.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUp(async () => server.close())
  const proxy = await openProxy({ to: { port: (server.address() as AddressInfo).port, host: '127.0.0.1' } })
  const join = async () => {
    const client = new End(connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }))
    await until(() => peers.length > 0)
    return { client, peer: new End(peers.shift()!) }
  }
  return { proxy, server, join }
}

/** Milliseconds until something holds. */
async function timeUntil(condition: () => boolean): Promise<number> {
  const began = performance.now()
  await until(condition)
  return performance.now() - began
}

test('without toxics bytes pass as they are, each way, and both ends end', async () => {
  const { proxy, join } = await openWire()
  const { client, peer } = await join()
  client.socket.write('hello')
  await until(() => peer.text === 'hello')
  peer.socket.end(Buffer.alloc(3_000_000, 'x'))
  await until(() => client.ended)
  expect(client.bytes).toBe(3_000_000)
  expect(peer.ended).toBe(false)
  client.socket.end(' and goodbye')
  await until(() => peer.ended && client.fate !== undefined && peer.fate !== undefined)
  expect([peer.text, client.fate, peer.fate]).toEqual(['hello and goodbye', 'closed', 'closed'])
  await until(() => proxy.counters.open === 0)
  expect(proxy.counters).toMatchObject({ connections: 1, bytesToServer: 17, bytesToClient: 3_000_000 })
})

test('latency delays one direction, in order, of connections that are open; and is taken away', async () => {
  const { proxy, join } = await openWire()
  const { client, peer } = await join()
  proxy.set('toServer', { latency: { millis: 300, jitterMillis: 100 } })
  const began = performance.now()
  for (let n = 0; n < 10; n++) client.socket.write(`${n}`)
  peer.socket.write('back')
  await until(() => client.text === 'back')
  expect(peer.text).toBe('')
  await until(() => peer.text.length === 10)
  expect(performance.now() - began).toBeGreaterThan(190)
  expect(peer.text).toBe('0123456789')
  proxy.set('toServer', { latency: { millis: 60_000 } })
  client.socket.write('!')
  await sleep(50)
  expect(peer.text).toBe('0123456789')
  proxy.clear('toServer', 'latency')
  await until(() => peer.text === '0123456789!')
})

test('bandwidth bounds the speed, and the sender is held back meanwhile', async () => {
  const { proxy, join } = await openWire()
  const { client, peer } = await join()
  proxy.set('toClient', { bandwidth: { kilobytesPerSecond: 100 } })
  peer.socket.write(Buffer.alloc(50_000))
  const millis = await timeUntil(() => client.bytes === 50_000)
  expect(millis).toBeGreaterThan(400)
  expect(millis).toBeLessThan(within(5_000))
  // Far more than the proxy and the system hold: the sender must feel it.
  const sent = 64_000_000
  peer.socket.write(Buffer.alloc(sent))
  await sleep(300)
  expect(peer.socket.writableNeedDrain).toBe(true)
  expect(proxy.counters.bytesToClient).toBeLessThan(1_000_000)
  proxy.clear()
  await until(() => client.bytes === 50_000 + sent)
})

test('slow close delays the end of the data, not the data', async () => {
  const { proxy, join } = await openWire()
  const { client, peer } = await join()
  proxy.set('toServer', { slowClose: { millis: 300 } })
  const began = performance.now()
  client.socket.end('last words')
  await until(() => peer.text === 'last words')
  expect(peer.ended).toBe(false)
  await until(() => peer.ended)
  expect(performance.now() - began).toBeGreaterThan(290)
})

test('timeout stops the data and closes the connection in time, or never; what was held arrives when it is taken away', async () => {
  const { proxy, join } = await openWire()
  const [one, two] = [await join(), await join()]
  proxy.set('toServer', { timeout: { millis: 0 } })
  for (const { client } of [one, two]) client.socket.end('held')
  one.peer.socket.write('the other way is open')
  await until(() => one.client.text === 'the other way is open')
  await sleep(200)
  expect([one.peer.text, one.peer.ended, one.peer.fate]).toEqual(['', false, undefined])
  proxy.clear()
  await until(() => one.peer.text === 'held' && two.peer.text === 'held' && one.peer.ended && two.peer.ended)

  const three = await join()
  proxy.set('toClient', { timeout: { millis: 200 } })
  three.peer.socket.write('lost')
  const four = await join()
  expect(await timeUntil(() => three.client.ended && four.client.ended)).toBeGreaterThan(100)
  expect([three.client.bytes, four.client.bytes]).toEqual([0, 0])
  expect(one.client.fate).toBe('closed')
})

test('reset ends connections with RST at the receiver, after a time', async () => {
  const { proxy, join } = await openWire()
  const one = await join()
  proxy.set('toClient', { reset: { millis: 200 } })
  one.peer.socket.write('x')
  await until(() => one.client.bytes === 1)
  expect(one.client.fate).toBeUndefined()
  expect(await timeUntil(() => one.client.fate !== undefined)).toBeGreaterThan(50)
  expect(one.client.fate).toBe('ECONNRESET')
  await until(() => one.peer.ended)
  proxy.clear()
  const two = await join()
  proxy.set('toServer', { reset: { millis: 0 } })
  await until(() => two.peer.fate === 'ECONNRESET' && two.client.ended)
  // One that was taken away in time does nothing.
  proxy.clear()
  const three = await join()
  proxy.set('toServer', { reset: { millis: 100 } })
  proxy.clear()
  await sleep(200)
  three.client.socket.write('still here')
  await until(() => three.peer.text === 'still here')
})

test('the slicer cuts writes into pieces with pauses', async () => {
  const { proxy, join } = await openWire()
  const { client, peer } = await join()
  proxy.set('toServer', { slicer: { bytes: 10, delayMillis: 20 } })
  client.socket.write(Buffer.alloc(200))
  expect(await timeUntil(() => peer.bytes === 200)).toBeGreaterThan(300)
  expect(peer.pieces).toBeGreaterThan(5)
})

test('limit data closes the connection after so many bytes, which all arrive', async () => {
  const { proxy, join } = await openWire()
  const { client, peer } = await join()
  client.socket.write('not counted')
  await until(() => peer.bytes === 11)
  proxy.set('toServer', { limitData: { bytes: 1_000 } })
  for (let n = 0; n < 3; n++) client.socket.write(Buffer.alloc(400))
  await until(() => peer.ended && client.ended)
  expect(peer.bytes).toBe(1_011)
  const next = await join()
  next.client.socket.write(Buffer.alloc(999))
  await until(() => next.peer.bytes === 999)
  expect(next.peer.ended).toBe(false)
})

test('down refuses and drops all, up takes connections at the same port again', async () => {
  const { proxy, join } = await openWire()
  const { client, peer } = await join()
  await proxy.down()
  await until(() => client.ended && peer.ended)
  const refused = new End(connect(proxy.port, '127.0.0.1'))
  await until(() => refused.fate === 'ECONNREFUSED')
  await proxy.up()
  const again = await join()
  again.client.socket.write('x')
  await until(() => again.peer.text === 'x')
  proxy.drop()
  await until(() => again.client.ended)
  expect(proxy.counters).toMatchObject({ connections: 2, bytesToServer: 1 })
  await until(() => proxy.counters.open === 0)
})

test('a client before a server that is away is reset', async () => {
  const { proxy, server } = await openWire()
  server.close()
  const client = new End(connect(proxy.port, '127.0.0.1'))
  await until(() => client.fate !== undefined)
  expect(client.fate).toBe('ECONNRESET')
})

test('urls lead through the proxy', async () => {
  const unix = 'postgresql://qtable:secret@/qtable?host=%2Ftmp%2Frun&port=5433&application_name=x'
  for (const [url, to, through] of [
    ['redis://:word@127.0.0.1:7001/2', { host: '127.0.0.1', port: 7001 }, /^redis:\/\/:word@127\.0\.0\.1:PORT\/2$/],
    ['redis://localhost', { host: 'localhost', port: 6379 }, /^redis:\/\/127\.0\.0\.1:PORT$/],
    ['http://127.0.0.1:8000', { host: '127.0.0.1', port: 8000 }, /^http:\/\/127\.0\.0\.1:PORT$/],
    [
      unix,
      { path: '/tmp/run/.s.PGSQL.5433' },
      /^postgresql:\/\/qtable:secret@127\.0\.0\.1:PORT\/qtable\?application_name=x$/,
    ],
  ] as const) {
    const opened = await openProxyTo(url)
    expect(opened.proxy.options.to).toEqual(to)
    expect(opened.url.replace(`:${opened.proxy.port}`, ':PORT')).toMatch(through)
  }
  await expect(openProxyTo('nonsense')).rejects.toThrow('no url')
})

test('dropFrames loses a fraction of what a real Redis publishes, by seed, and nothing else', async (context) => {
  needsRedis(context)
  const redis = await startRedis()
  const { proxy } = await openProxyTo(redis.url)
  const [count, seed] = [400, Date.now() % 1_000_000]
  for (const protocol of [2, 3]) {
    const client = new RedisConnection(proxy.port)
    cleanUp(() => client.close())
    await client.command('hello', protocol)
    await client.command('subscribe', 'floor')
    await client.command('ssubscribe', 'shard')
    const before = { ...proxy.counters }
    proxy.dropFrames(0.3, randomFrom(seed))
    const publisher = redis.connect()
    const sent = Array.from({ length: count }, (_, n) => [
      n % 2 ? 'message' : 'smessage',
      n % 2 ? 'floor' : 'shard',
      `${n}`,
    ])
    await Promise.all(
      sent.map(([kind, channel, text]) =>
        publisher.command(kind === 'message' ? 'publish' : 'spublish', channel!, text!),
      ),
    )
    // Answers pass, and come after what was published before.
    await client.command('ping')
    const random = randomFrom(seed)
    expect(client.messages, `seed ${seed}`).toEqual(sent.filter(() => random() >= 0.3))
    expect(client.messages.length).toBeLessThan(count)
    expect(proxy.counters.messagesPassed - before.messagesPassed).toBe(client.messages.length)
    expect(proxy.counters.messagesDropped - before.messagesDropped).toBe(count - client.messages.length)
    proxy.dropFrames(0, random)
    await publisher.command('publish', 'floor', 'last')
    await until(() => client.messages.at(-1)?.[2] === 'last')
    await client.close()
    await until(() => proxy.counters.open === 0)
  }
  const plain = await openProxy({ to: { port: redis.port } })
  expect(() => plain.dropFrames(1, Math.random)).toThrow('redis: true')
})

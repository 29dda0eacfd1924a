import { once } from 'node:events'
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { steadyPort } from './ports.ts'
import { RespFilter } from './resp-filter.ts'
import { cleanUp } from './server.ts'

/** A wire that can be made bad while it is in use: TCP through this process, with the faults ("toxics") of Toxiproxy. */

/** Which half of a connection: what the client sends, or what it gets. */
export type Direction = 'toServer' | 'toClient'

/** What can be wrong with one direction. All of it may hold at once. */
export interface Toxics {
  /** Everything arrives this much later, give or take the jitter; in order. */
  readonly latency?: { readonly millis: number; readonly jitterMillis?: number }
  /** So many thousand bytes a second for each connection. */
  readonly bandwidth?: { readonly kilobytesPerSecond: number }
  /** The end of the data (FIN) arrives this much later. */
  readonly slowClose?: { readonly millis: number }
  /** Nothing arrives any more, and after so long the connection is closed; with 0 never: when the toxic is taken away, what was held arrives. */
  readonly timeout?: { readonly millis: number }
  /** The receiver's connection is reset (RST) after so long; the sender's is closed. */
  readonly reset?: { readonly millis: number }
  /** Arrives in pieces of so many bytes, with a pause after each. */
  readonly slicer?: { readonly bytes: number; readonly delayMillis: number }
  /** After so many bytes more in this direction the connection is closed. */
  readonly limitData?: { readonly bytes: number }
}

/** What a proxy has seen so far. */
export interface Counters {
  connections: number
  /** How many of them are open. */
  open: number
  /** Bytes that were handed on. */
  bytesToServer: number
  bytesToClient: number
  /** Published messages of Redis that passed, and that were dropped. Counted with `redis` only. */
  messagesPassed: number
  messagesDropped: number
}

/** Where a proxy leads to, and what of. */
export interface ProxyOptions {
  /** The server: a port, or the path of a unix socket. */
  readonly to: NetConnectOpts
  /** True: the server is a Redis, and `dropFrames` may be asked for. */
  readonly redis?: boolean
  /** Numbers from 0 to 1 for jitter. */
  readonly random?: () => number
}

// What is held of each direction of a connection before its sender is not read any more. With latency it bounds the speed too: 1 MB each latency.
const HELD_BYTES = 1024 * 1024
/** Bandwidth is given out in portions for so long. */
const PORTION_MILLIS = 20

/** A proxy before one server, at one port of 127.0.0.1 whether it is up or not. */
export class Proxy {
  readonly port: number
  readonly counters: Counters = {
    connections: 0,
    open: 0,
    bytesToServer: 0,
    bytesToClient: 0,
    messagesPassed: 0,
    messagesDropped: 0,
  }
  readonly options: ProxyOptions
  readonly #links = new Set<Link>()
  #toxics: Readonly<Record<Direction, Toxics>> = { toServer: {}, toClient: {} }
  #server: Server | undefined
  #drops = () => false

  constructor(port: number, options: ProxyOptions) {
    this.port = port
    this.options = options
  }

  /** What is wrong with a direction now. */
  toxics(direction: Direction): Toxics {
    return this.#toxics[direction]
  }

  /** Makes a direction of every connection bad, of those that are open too. What isn't named stays as it is. */
  set(direction: Direction, toxics: Toxics): void {
    this.#toxics = { ...this.#toxics, [direction]: { ...this.#toxics[direction], ...toxics } }
    for (const link of this.#links) link.arm(direction, toxics)
  }

  /** Takes toxics away: of one direction or both, those named or all. */
  clear(direction?: Direction, ...names: readonly (keyof Toxics)[]): void {
    for (const each of direction ? [direction] : (['toServer', 'toClient'] as const)) {
      const left = Object.entries(this.#toxics[each]).filter(
        ([name]) => names.length > 0 && !names.includes(name as keyof Toxics),
      )
      this.#toxics = { ...this.#toxics, [each]: Object.fromEntries(left) }
      for (const link of this.#links) link.disarm(each)
    }
  }

  /** Loses this fraction of the messages that Redis publishes through here, chosen by `random`. All else passes. 0 loses none. */
  dropFrames(fraction: number, random: () => number): void {
    if (!this.options.redis) throw new Error('dropFrames is for a proxy that was opened with redis: true')
    this.#drops = () => random() < fraction
  }

  /** Refuses connections, and drops all that are open. */
  async down(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const closed = server && once(server, 'close')
    server?.close()
    this.drop()
    await closed
  }

  /** Takes connections, at the same port. */
  async up(): Promise<void> {
    if (this.#server) return
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) =>
      this.#join(client),
    )
    this.#server.listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  /** Drops all connections that are open. */
  drop(): void {
    for (const link of this.#links) link.close()
  }

  #join(client: Socket): void {
    this.counters.connections++
    this.counters.open++
    const filter = new RespFilter(
      () => this.#drops(),
      (dropped) => void this.counters[dropped ? 'messagesDropped' : 'messagesPassed']++,
    )
    const link: Link = new Link(this, client, this.options.redis ? filter : undefined, () => {
      this.counters.open--
      this.#links.delete(link)
    })
    this.#links.add(link)
  }
}

/** Opens a proxy that ends with the test. */
export async function openProxy(options: ProxyOptions): Promise<Proxy> {
  const proxy = new Proxy(await steadyPort(), options)
  await proxy.up()
  cleanUp(() => proxy.down())
  return proxy
}

/** Opens a proxy before the server of a url (http, redis, postgresql; also postgresql by a unix socket), and gives the url that leads through it. */
export async function openProxyTo(url: string, random?: () => number): Promise<{ proxy: Proxy; url: string }> {
  const [, scheme, login = '', host, port, rest] = /^(\w+:\/\/)([^@/]*@)?([^:/?]*)(?::(\d+))?(.*)$/.exec(url) ?? []
  if (scheme === undefined) throw new Error(`${url} is no url`)
  const [path, query] = rest!.split('?', 2)
  const asked = new URLSearchParams(query)
  const socket = asked.get('host')
  const redis = scheme.startsWith('redis')
  const usual = redis ? 6379 : scheme.startsWith('http') ? 80 : 5432
  const to = socket
    ? { path: `${socket}/.s.PGSQL.${asked.get('port') ?? 5432}` }
    : { host: host || '127.0.0.1', port: Number(port ?? usual) }
  for (const name of ['host', 'port']) asked.delete(name)
  const proxy = await openProxy({ to, redis, ...(random && { random }) })
  const left = asked.size === 0 ? '' : `?${asked.toString()}`
  return { proxy, url: `${scheme}${login}127.0.0.1:${proxy.port}${path}${left}` }
}

// ---------------------------------------------------------------- one connection

/** A connection of a client and the one to the server that goes with it. */
class Link {
  readonly #proxy: Proxy
  readonly #sockets: Readonly<Record<Direction, { readonly from: Socket; readonly to: Socket }>>
  readonly #flows: Readonly<Record<Direction, Flow>>
  readonly #timers: Record<Direction, NodeJS.Timeout[]> = { toServer: [], toClient: [] }

  constructor(proxy: Proxy, client: Socket, filter: RespFilter | undefined, closed: () => void) {
    this.#proxy = proxy
    const server = connect({ ...proxy.options.to, allowHalfOpen: true, noDelay: true } as NetConnectOpts)
    this.#sockets = { toServer: { from: client, to: server }, toClient: { from: server, to: client } }
    const flow = (direction: Direction) =>
      new Flow({
        ...this.#sockets[direction],
        toxics: () => proxy.toxics(direction),
        random: proxy.options.random ?? Math.random,
        filter: direction === 'toClient' ? filter : undefined,
        count: (bytes) => void (proxy.counters[direction === 'toClient' ? 'bytesToClient' : 'bytesToServer'] += bytes),
        close: () => this.close(),
      })
    this.#flows = { toServer: flow('toServer'), toClient: flow('toClient') }
    let open = 2
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.on('error', () => sever(other))
      socket.once('close', () => {
        if (--open > 0) return
        for (const each of ['toServer', 'toClient'] as const) this.#flows[each].stop()
        for (const timer of Object.values(this.#timers).flat()) clearTimeout(timer)
        closed()
      })
    }
    for (const direction of ['toServer', 'toClient'] as const) this.arm(direction, proxy.toxics(direction))
    server.once('connect', () => client.resume())
  }

  /** Begins what these toxics do after a time, and lets the others hold at once. */
  arm(direction: Direction, { timeout, reset }: Toxics): void {
    const later = (toxic: object, name: keyof Toxics, millis: number, work: () => void): void => {
      const still = () => this.#proxy.toxics(direction)[name] === toxic && work()
      this.#timers[direction].push(setTimeout(still, millis))
    }
    if (timeout && timeout.millis > 0) later(timeout, 'timeout', timeout.millis, () => this.close())
    if (reset)
      later(reset, 'reset', reset.millis, () => {
        sever(this.#sockets[direction].to)
        this.#sockets[direction].from.destroy()
      })
    this.#flows[direction].wake()
  }

  /** Toxics were taken away. */
  disarm(direction: Direction): void {
    this.#flows[direction].wake()
  }

  close(): void {
    for (const { from } of Object.values(this.#sockets)) from.destroy()
  }
}

/** Ends a connection with a reset (RST). Unix sockets, which have no address, know no such thing and are closed. */
function sever(socket: Socket): void {
  if (socket.remoteAddress === undefined) socket.destroy()
  else socket.resetAndDestroy()
}

interface FlowOptions {
  readonly from: Socket
  readonly to: Socket
  readonly toxics: () => Toxics
  readonly random: () => number
  readonly filter: RespFilter | undefined
  readonly count: (bytes: number) => void
  readonly close: () => void
}

/** What arrived, when (performance.now), and its luck with the jitter: -1 to 1. */
interface Chunk {
  readonly data: Buffer
  readonly at: number
  readonly luck: number
}

/** One direction of a connection: what comes is held, and handed on when and as the toxics of that moment allow. */
class Flow {
  readonly #it: FlowOptions
  readonly #held: Chunk[] = []
  #heldBytes = 0
  #endedAt: number | undefined
  #stopped = false
  #waker: (() => void) | undefined
  /** When bandwidth is to be had again. */
  #freeAt = 0
  #limit: { readonly toxic: object; left: number } | undefined

  constructor(it: FlowOptions) {
    this.#it = it
    it.from.on('data', (data: Buffer) => this.#take(data))
    it.from.once('end', () => {
      this.#endedAt = performance.now()
      this.wake()
    })
    it.to.on('drain', () => this.wake())
    void this.#run()
  }

  /** Lets it look again at what it waits for. */
  wake(): void {
    this.#waker?.()
  }

  stop(): void {
    this.#stopped = true
    this.wake()
  }

  #take(bytes: Buffer): void {
    const { filter, from, random, close } = this.#it
    let data = bytes
    try {
      if (filter) data = filter.take(bytes)
    } catch {
      return close()
    }
    if (data.length === 0) return
    this.#held.push({ data, at: performance.now(), luck: 2 * random() - 1 })
    this.#heldBytes += data.length
    if (this.#heldBytes > HELD_BYTES) from.pause()
    this.wake()
  }

  async #run(): Promise<void> {
    const { from, to, toxics } = this.#it
    for (;;) {
      await this.#until(() => (this.#held.length > 0 || this.#endedAt !== undefined ? 0 : Infinity))
      if (this.#stopped) return
      const chunk = this.#held[0]
      if (chunk === undefined) break
      await this.#until(() => chunk.at + delay(toxics(), chunk.luck))
      await this.#send(chunk.data)
      this.#held.shift()
      this.#heldBytes -= chunk.data.length
      if (this.#heldBytes <= HELD_BYTES / 2 && from.isPaused()) from.resume()
    }
    await this.#until(() => this.#endedAt! + (toxics().timeout ? Infinity : (toxics().slowClose?.millis ?? 0)))
    if (!this.#stopped) to.end()
  }

  async #send(data: Buffer): Promise<void> {
    const { to, toxics, count, close } = this.#it
    for (let at = 0; at < data.length;) {
      await this.#until(() => (toxics().timeout || to.writableNeedDrain ? Infinity : 0))
      const { slicer, bandwidth, limitData } = toxics()
      if (limitData?.bytes !== undefined && this.#limit?.toxic !== limitData)
        this.#limit = { toxic: limitData, left: limitData.bytes }
      const portion = bandwidth && Math.max(1, Math.floor(bandwidth.kilobytesPerSecond * PORTION_MILLIS))
      const left = limitData && this.#limit!.left
      const size = Math.min(data.length - at, slicer?.bytes ?? Infinity, portion ?? Infinity, left ?? Infinity)
      if (bandwidth) {
        this.#freeAt = Math.max(performance.now(), this.#freeAt) + size / bandwidth.kilobytesPerSecond
        await this.#until(() => (toxics().bandwidth === bandwidth ? this.#freeAt : 0))
      } else this.#freeAt = 0
      if (this.#stopped || to.destroyed) return
      to.write(data.subarray(at, at + size))
      count(size)
      at += size
      if (limitData && (this.#limit!.left -= size) <= 0) {
        // What was let through arrives before the end does.
        to.end(close)
        await this.#until(() => Infinity)
        return
      }
      if (slicer) {
        const next = performance.now() + slicer.delayMillis
        await this.#until(() => (toxics().slicer === slicer ? next : 0))
      }
    }
  }

  /** Waits for a moment (performance.now; Infinity is none yet), which is asked for again whenever something changes. */
  async #until(moment: () => number): Promise<void> {
    for (;;) {
      const millis = moment() - performance.now()
      if (this.#stopped || millis <= 0) return
      await new Promise<void>((resolve) => {
        const timer = Number.isFinite(millis) ? setTimeout(resolve, Math.ceil(millis)) : undefined
        this.#waker = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#waker = undefined
    }
  }
}

const delay = ({ latency, timeout }: Toxics, luck: number): number =>
  timeout ? Infinity : latency ? Math.max(0, latency.millis + luck * (latency.jitterMillis ?? 0)) : 0

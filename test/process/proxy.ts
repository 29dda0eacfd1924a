import { once } from 'node:events'
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { steadyPort } from './ports.ts'
import { Flow, type Toxics } from './proxy-flow.ts'
import { RespFilter } from './resp-filter.ts'
import { cleanUp } from './server.ts'

/** A wire that can be made bad while it is in use: TCP through this process, with the faults ("toxics") of Toxiproxy. */

/** Which half of a connection: what the client sends, or what it gets. */
export type Direction = 'toServer' | 'toClient'

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

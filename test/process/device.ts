import { crc32 } from 'node:zlib'
import { WebSocket } from 'ws'
import { canonicalJson } from '../../src/changes/floor/canonical.ts'
import { upgraded, type Upgrade } from '../../src/changes/log/rules.ts'

/**
 * A device on the native stream as docs/protocol.md tells a stranger to write one, and no more: it holds a floor, comes back when it is cut off, and counts what must never
 * happen. It has no queue of its own writes: that is the client's, which has its own proofs.
 */

interface Held {
  readonly kind: string
  readonly value: Record<string, unknown>
  readonly checksum: number
}

interface Change {
  readonly epoch: string
  readonly seq: number
  readonly at: string
  readonly mutationId: string | null
  readonly entries: readonly {
    readonly op: 'put' | 'drop'
    readonly kind: string
    readonly id: string
    readonly value?: Record<string, unknown>
  }[]
  readonly upgrade?: readonly Upgrade[]
}

interface Snapshot {
  readonly type: 'snapshot'
  readonly epoch: string
  readonly seq: number
  readonly at: string
  readonly horizon: string
  readonly hash: string
  readonly entities: readonly { readonly kind: string; readonly id: string; readonly value: Held['value'] }[]
}

interface Heartbeat {
  readonly type: 'heartbeat'
  readonly epoch: string
  readonly head: number
  readonly horizon: string
  readonly hash: string
}

export type Message =
  | Snapshot
  | Heartbeat
  | { readonly type: 'changes'; readonly changes: readonly Change[] }
  | { readonly type: 'reconnect'; readonly afterMillis: number }
  | { readonly type: 'resync'; readonly reason: string; readonly epoch: string; readonly head: number }
  | { readonly type: 'resumed' | 'pong' }

export interface DeviceOptions {
  /** Where servers may be: one is picked for each attempt. */
  readonly bases: () => readonly string[]
  readonly restaurantId: string
  readonly token: string
  readonly random?: () => number
  /** Told of each message as it comes. */
  readonly onMessage?: (message: Message) => void
  /** Told of each change that it applies, once. */
  readonly onChange?: (change: Change, heardAt: number) => void
}

const SILENCE_MILLIS = 12_000
const MAX_WAIT_MILLIS = 1_000

export class StreamDevice {
  readonly #options: DeviceOptions
  readonly #random: () => number
  readonly #held = new Map<string, Held>()
  #sum = 0
  #ws: WebSocket | null = null
  #stopped = false
  #timer: NodeJS.Timeout | undefined
  #wait = 50
  #advice: number | null = null
  #heardAt = Date.now()
  epoch = ''
  seq = 0
  at = ''
  horizon = ''
  /** When it said hello last, in milliseconds of performance.now. */
  helloAt = 0
  /** Whether it has said hello and been answered since it connected. */
  live = false
  /** When it last tried to connect, and when it was last answered, by `performance.now()`. */
  triedAt = 0
  liveAt = 0
  readonly counts = {
    connects: 0,
    resumes: 0,
    snapshots: 0,
    changes: 0,
    /** Changes that it had already, and changes that left one out: both are faults. */
    twice: 0,
    gaps: 0,
    hashes: 0,
    wrongHashes: 0,
    refused: 0,
  }
  readonly closes: Record<number, number> = {}

  constructor(options: DeviceOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
  }

  get restaurantId(): string {
    return this.#options.restaurantId
  }

  start(): this {
    this.#connect()
    this.#timer = setInterval(() => {
      if (this.#ws && Date.now() - this.#heardAt > SILENCE_MILLIS) this.#ws.terminate()
    }, 1_000)
    return this
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#timer)
    this.#ws?.terminate()
  }

  /** Cuts the connection, as a network does. */
  drop(): void {
    this.#ws?.terminate()
  }

  /** The socket below, to do harm to. */
  get ws(): WebSocket | null {
    return this.#ws
  }

  get entities(): ReadonlyMap<string, Held> {
    return this.#held
  }

  get hash(): string {
    return `${this.#held.size}-${this.#sum.toString(16).padStart(8, '0')}`
  }

  /** Stands where a snapshot does and holds what it holds, as a device does that was here before. */
  hold(snapshot: Omit<Snapshot, 'type'>): this {
    this.#held.clear()
    this.#sum = 0
    this.horizon = snapshot.horizon
    for (const { kind, id, value } of snapshot.entities) this.#put(`${kind} ${id}`, kind, value)
    this.epoch = snapshot.epoch
    this.seq = snapshot.seq
    this.at = snapshot.at
    return this
  }

  /** Spoils one entity without a word, as a fault of the device would. */
  corrupt(): void {
    const [key, { kind, value }] = [...this.#held][Math.floor(this.#random() * this.#held.size)]!
    this.#put(key, kind, { ...value, version: Number(value['version']) + 1 })
  }

  #connect(): void {
    if (this.#stopped) return
    const bases = this.#options.bases()
    const base = bases[Math.floor(this.#random() * bases.length)]
    if (base === undefined) return this.#again()
    const { restaurantId, token } = this.#options
    const ws = new WebSocket(`${base.replace(/^http/, 'ws')}/v2/restaurants/${restaurantId}/stream`, {
      perMessageDeflate: false,
      handshakeTimeout: 5_000,
      headers: { authorization: `Bearer ${token}` },
    })
    this.#ws = ws
    this.#heardAt = Date.now()
    this.triedAt = performance.now()
    ws.on('open', () => {
      this.counts.connects++
      this.helloAt = performance.now()
      const place = this.epoch === '' ? {} : { epoch: this.epoch, since: this.seq, at: this.at }
      ws.send(JSON.stringify({ type: 'hello', ...place }))
    })
    ws.on('message', (data: Buffer) => this.#hear(data.toString('utf8')))
    ws.on('error', () => undefined)
    ws.on('unexpected-response', () => {
      this.counts.refused++
      ws.terminate()
    })
    ws.on('close', (code) => {
      this.closes[code] = (this.closes[code] ?? 0) + 1
      this.live = false
      if (this.#ws === ws) this.#ws = null
      this.#again()
    })
  }

  #again(): void {
    const wait = this.#advice ?? this.#wait * (0.5 + this.#random() / 2)
    this.#advice = null
    this.#wait = Math.min(2 * this.#wait, MAX_WAIT_MILLIS)
    if (!this.#stopped) setTimeout(() => this.#connect(), wait)
  }

  #hear(text: string): void {
    this.#heardAt = Date.now()
    const message = JSON.parse(text) as Message
    this.#options.onMessage?.(message)
    if (message.type === 'changes') for (const change of message.changes) this.#apply(change)
    else if (message.type === 'snapshot') this.#take(message)
    else if (message.type === 'resumed') {
      this.counts.resumes++
      this.#settle()
    } else if (message.type === 'heartbeat') this.#check(message)
    else if (message.type === 'reconnect') this.#advice = message.afterMillis
  }

  #settle(): void {
    this.live = true
    this.liveAt = performance.now()
    this.#wait = 50
  }

  #take(snapshot: Snapshot): void {
    this.counts.snapshots++
    this.hold(snapshot)
    this.#settle()
  }

  #apply(change: Change): void {
    if (change.seq <= this.seq) return void this.counts.twice++
    if (change.seq !== this.seq + 1 || change.epoch !== this.epoch) return void this.counts.gaps++
    for (const upgrade of change.upgrade ?? [])
      for (const [key, { kind, value }] of [...this.#held].filter(([, held]) => held.kind === upgrade.kind))
        this.#put(key, kind, upgraded(value, upgrade))
    for (const { op, kind, id, value } of change.entries) {
      if (op === 'put') this.#put(`${kind} ${id}`, kind, value!)
      else this.#drop(`${kind} ${id}`)
    }
    this.seq = change.seq
    this.at = change.at
    this.counts.changes++
    this.#options.onChange?.(change, Date.now())
  }

  /** A heartbeat: at the same place the hash must be the same. A device that finds another begins anew. */
  #check(beat: Heartbeat): void {
    this.#letGo(beat.horizon)
    if (beat.head !== this.seq || beat.epoch !== this.epoch) return
    this.counts.hashes++
    if (beat.hash === this.hash) return
    this.counts.wrongHashes++
    this.#ws?.send('{"type":"hello"}')
  }

  #letGo(horizon: string): void {
    if (horizon <= this.horizon) return
    this.horizon = horizon
    for (const [key, { value }] of this.#held)
      if (typeof value['endedAt'] === 'string' && value['endedAt'] < horizon) this.#drop(key)
  }

  #put(key: string, kind: string, value: Held['value']): void {
    this.#drop(key)
    if (typeof value['endedAt'] === 'string' && value['endedAt'] < this.horizon) return
    const checksum = crc32(`${kind}\n${String(value['id'])}\n${canonicalJson(value)}`)
    this.#held.set(key, { kind, value, checksum })
    this.#sum = (this.#sum + checksum) >>> 0
  }

  #drop(key: string): void {
    const held = this.#held.get(key)
    if (held && this.#held.delete(key)) this.#sum = (this.#sum - held.checksum) >>> 0
  }
}

import { WebSocket, type RawData } from 'ws'
import { Client, type Account, type Answer } from './client.ts'
import { sleep } from './clock.ts'
import { apply, emptyCopy, load, syncTableFields, tableFields, type Copy, type Fields, type Message } from './copy.ts'
import type { Tally } from './tally.ts'

const FIRST_BACKOFF_MILLIS = 200
const LAST_BACKOFF_MILLIS = 10_000
const OPEN_MILLIS = 15_000
// Heartbeats come every 35 seconds and protocol pings every 20: a minute of silence is a dead connection.
const SILENCE_MILLIS = 60_000
const FAULT_EVERY = 20

/** A socket and the copy that its messages keep. Messages are held back until the copy is loaded. */
interface Line {
  readonly path: string
  readonly copy: Copy
  readonly tableOf: typeof tableFields
  held: Message[] | null
}

export interface DeviceOf {
  readonly account: Account
  readonly tally: Tally
  readonly index: number
  /** Opens `/ws/restaurant/sync` beside `/realtime`. */
  readonly both: boolean
  /** Loses one message in twenty. */
  readonly faulty: boolean
}

/** A simulated iPad: its sockets, its copy of the floor, and the host's hands on it. */
export class Device {
  readonly index: number
  readonly account: Account
  readonly copy = emptyCopy()
  /** What the second socket told, of devices that have one. */
  readonly syncCopy: Copy | null
  /** Connected and loaded. */
  ready = false
  /** A host is doing something on it. */
  busy = false
  readonly #client: Client
  readonly #tally: Tally
  readonly #faulty: boolean
  readonly #lines: Line[]
  #sockets: WebSocket[] = []
  #closed = false
  #backoff = FIRST_BACKOFF_MILLIS
  #heard = 0

  constructor({ account, tally, index, both, faulty }: DeviceOf) {
    this.index = index
    this.account = account
    this.#client = new Client(account.url)
    this.#tally = tally
    this.#faulty = faulty
    this.syncCopy = both ? emptyCopy() : null
    this.#lines = [{ path: '/realtime', copy: this.copy, tableOf: tableFields, held: [] }]
    if (this.syncCopy)
      this.#lines.push({
        path: '/ws/restaurant/sync',
        copy: this.syncCopy,
        tableOf: syncTableFields,
        held: [],
      })
  }

  /** Connects, and connects again whenever the connection is lost, until `close`. */
  async run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#connection()
      } catch (error) {
        this.#tally.complain(`device: ${(error as Error).message}`)
      }
      for (const socket of this.#sockets) socket.terminate()
      if (this.#closed) return
      if (this.ready) this.#tally.lost++
      this.ready = false
      await sleep(this.#backoff * (0.5 + Math.random()))
      this.#backoff = Math.min(this.#backoff * 2, LAST_BACKOFF_MILLIS)
    }
  }

  /** One life of the sockets: open, load, listen until either is gone. */
  async #connection(): Promise<void> {
    for (const line of this.#lines) line.held = []
    const opened = this.#lines.map((line) => this.#open(line))
    this.#sockets = opened.map(({ socket }) => socket)
    const gone = Promise.race(opened.map(({ gone }) => gone))
    try {
      await Promise.all(opened.map(({ welcomed }) => welcomed))
    } catch (error) {
      if ((error as Error).message.includes('403')) await this.account.renew()
      throw error
    }
    const [guests, tables] = await Promise.all([this.#list('/guests'), this.#list('/tables')])
    for (const line of this.#lines) {
      load(line.copy, guests, tables, line.tableOf)
      for (const message of line.held ?? []) this.#take(line, message)
      line.held = null
    }
    this.ready = !this.#closed
    this.#backoff = FIRST_BACKOFF_MILLIS
    await gone
  }

  async #list(path: string): Promise<Fields[]> {
    const { status, body } = await this.account.call(this.#client, 'GET', path)
    if (status !== 200) throw new Error(`GET ${path} was answered with ${status}`)
    return body as Fields[]
  }

  /** The token goes with the handshake, in the address or in the first message: the three ways there are, by turns. */
  #open(line: Line): { socket: WebSocket; welcomed: Promise<void>; gone: Promise<void> } {
    const { url, restaurantId, token } = this.account
    const way = (['header', 'address', 'message'] as const)[this.index % 3]
    const address = new URL(url.replace(/^http/, 'ws') + line.path)
    address.searchParams.set('restaurant_id', restaurantId)
    if (way === 'address') address.searchParams.set('token', token)
    const headers = way === 'header' ? { authorization: `Bearer ${token}` } : {}
    const socket = new WebSocket(address, { headers, perMessageDeflate: false, handshakeTimeout: OPEN_MILLIS })
    if (way === 'message') socket.on('open', () => socket.send(JSON.stringify({ type: 'authenticate', token })))
    const gone = new Promise<void>((resolve) => socket.on('close', () => resolve()))
    const welcomed = new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('no first message')), OPEN_MILLIS)
      socket.on('error', reject)
      socket.on('close', (code) => reject(new Error(`closed with ${code}`)))
      socket.once('message', () => resolve())
      void gone.then(() => clearTimeout(late))
      socket.once('message', () => clearTimeout(late))
    })
    welcomed.catch(() => undefined)
    const silence = setTimeout(() => socket.terminate(), SILENCE_MILLIS)
    const alive = () => void silence.refresh()
    socket.on('ping', alive)
    socket.on('message', (data) => {
      alive()
      this.#receive(line, data)
    })
    void gone.then(() => clearTimeout(silence))
    return { socket, welcomed, gone }
  }

  #receive(line: Line, data: RawData): void {
    const message = JSON.parse((data as Buffer).toString('utf8')) as Message
    if (message['data'] !== undefined || message['guestId'] !== undefined) {
      this.#tally.deliveries++
      this.#tally.deliveredAt = performance.now()
      this.#tally.lag.add(Date.now() - Date.parse(String(message['timestamp'])))
      if (this.#faulty && ++this.#heard % FAULT_EVERY === 0) return
    }
    if (line.held) line.held.push(message)
    else this.#take(line, message)
  }

  #take(line: Line, message: Message): void {
    const verdict = apply(line.copy, message, line.tableOf)
    if (verdict === 'repeated' || verdict === 'disordered' || verdict === 'unknown') this.#tally[verdict]++
    if (verdict === 'unknown') this.#tally.complain(`message of unknown type: ${JSON.stringify(message).slice(0, 120)}`)
  }

  /** What a host does: counted and timed. Null when there was no answer. */
  async act(method: string, path: string, body?: unknown): Promise<Answer | null> {
    const begun = performance.now()
    this.#tally.sent++
    const what = `${method} ${path.replace(/[0-9a-f-]{36}/, '{id}')}`
    try {
      const answer = await this.account.call(this.#client, method, path, body)
      this.#tally.answers.add(performance.now() - begun)
      if (answer.status < 400) return answer
      this.#tally[answer.status < 500 ? 'refused' : 'failed']++
      this.#tally.complain(`${what}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 120)}`)
      return answer
    } catch (error) {
      this.#tally.failed++
      this.#tally.complain(`${what}: ${(error as Error).message}`)
      return null
    }
  }

  close(): void {
    this.#closed = true
    this.ready = false
    for (const socket of this.#sockets) socket.close()
    this.#client.close()
    setTimeout(() => this.#sockets.forEach((socket) => socket.terminate()), 500).unref()
  }
}

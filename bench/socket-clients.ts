import { connect, type Socket } from 'node:net'
import { placeOf, steadyMillis, tokenOf } from './socket-floor.ts'

/**
 * Devices in a process of their own (started by sockets.ts and fanout.ts) that do as little as can be: frames are found by their headers, counted, and stamped; nothing is read as JSON.
 */

/** What of. `plain`: the raw WebSocket server's rooms. */
export type Kind = 'realtime' | 'stream' | 'plain'

/** Devices of so many restaurants, numbered `first` to `first + devices - 1` in each. */
export interface Opening {
  readonly port: number
  readonly kind: Kind
  readonly from: number
  readonly restaurants: number
  readonly first: number
  readonly devices: number
  /** Changes of one restaurant that are stamped, at most. */
  readonly stamps: number
}

/** What was heard. `last`: of each restaurant's changes, one after the other, when the last device had it, in milliseconds of the system's steady clock; 0 where none had. */
export interface Heard {
  readonly frames: number
  readonly last: Float64Array
}

const MASK = Buffer.alloc(4)
const PONG = Buffer.concat([Buffer.from([0x8a, 0x80]), MASK])
const HELLO = '{"type":"hello"}'
const [TEXT, PING] = [0x81, 0x89]
// `{"type":"c` and `{"type": "g`: changes, and messages of guests.
const [C, G] = ['c'.charCodeAt(0), 'g'.charCodeAt(0)]

let frames = 0
let last = new Float64Array(0)
const open = new Set<Socket>()

class Device {
  readonly #connection: Socket
  readonly #restaurant: number
  readonly #stamps: number
  readonly #ready: () => void
  #got: Buffer = Buffer.alloc(0)
  #isUpgraded = false
  #heard = 0

  constructor({ port, kind, from, stamps }: Opening, restaurant: number, device: number, ready: () => void) {
    this.#restaurant = restaurant
    this.#stamps = stamps
    this.#ready = ready
    const { restaurantId } = placeOf(from + restaurant)
    const path = {
      plain: `/${from + restaurant}`,
      realtime: `/realtime?restaurant_id=${restaurantId}`,
      stream: `/v2/restaurants/${restaurantId}/stream`,
    }[kind]
    this.#connection = connect({ port, host: '127.0.0.1', noDelay: true })
    open.add(this.#connection)
    this.#connection.on('error', (error) => process.stderr.write(`a device: ${String(error)}\n`))
    this.#connection.on('close', () => open.delete(this.#connection))
    this.#connection.on('data', (data: Buffer) => this.#take(data))
    this.#connection.write(
      `GET ${path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${tokenOf(from + restaurant, device)}\r\nconnection: upgrade\r\n` +
        'upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
    this.#connection.once('data', () => {
      if (kind !== 'stream') return
      this.#connection.write(Buffer.concat([Buffer.from([TEXT, 0x80 | HELLO.length]), MASK, Buffer.from(HELLO)]))
    })
  }

  #take(data: Buffer): void {
    this.#got = this.#got.length === 0 ? data : Buffer.concat([this.#got, data])
    if (!this.#isUpgraded) {
      const head = this.#got.indexOf('\r\n\r\n')
      if (head < 0) return
      if (this.#got[9] !== 0x31) throw new Error(this.#got.toString('latin1', 0, head))
      this.#isUpgraded = true
      this.#got = this.#got.subarray(head + 4)
    }
    const got = this.#got
    const now = steadyMillis()
    let at = 0
    while (got.length - at >= 2) {
      let length = got[at + 1]!
      let start = at + 2
      if (length === 126) {
        if (got.length < at + 4) break
        length = got.readUInt16BE(at + 2)
        start += 2
      } else if (length === 127) {
        if (got.length < at + 10) break
        length = got.readUInt32BE(at + 6)
        start += 8
      }
      if (got.length < start + length) break
      if (got[at] === TEXT) this.#hear(got, start, now)
      else if (got[at] === PING) this.#connection.write(PONG)
      at = start + length
    }
    this.#got = got.subarray(at)
  }

  #hear(got: Buffer, start: number, now: number): void {
    if (got[start + 9] !== C && got[start + 10] !== G) return this.#ready()
    frames++
    if (this.#heard < this.#stamps) {
      const place = this.#restaurant * this.#stamps + this.#heard++
      if (last[place]! < now) last[place] = now
    }
  }
}

async function openAll(opening: Opening): Promise<void> {
  last = new Float64Array(opening.restaurants * opening.stamps)
  // Some at a time: a handshake asks the database who it is.
  const all = Array.from({ length: opening.restaurants * opening.devices }, (_, n) => n)
  const one = async (n: number) => {
    const [restaurant, device] = [n % opening.restaurants, opening.first + Math.floor(n / opening.restaurants)]
    await new Promise<void>((resolve) => new Device(opening, restaurant, device, resolve))
  }
  const worker = async () => {
    for (let n = all.pop(); n !== undefined; n = all.pop()) await one(n)
  }
  await Promise.all(Array.from({ length: 20 }, worker))
}

process.on('message', (order: Opening | 'heard' | 'close') => {
  if (order === 'heard') {
    process.send!({ frames, last } satisfies Heard)
  } else if (order === 'close') {
    for (const socket of open) socket.destroy()
    process.send!('closed')
  } else {
    frames = 0
    void openAll(order).then(() => process.send!('open'))
  }
})
process.on('disconnect', () => process.exit(0))

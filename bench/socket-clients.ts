import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { placeOf, steadyMillis, tokenOf } from './places.ts'
import type { Hearing, Range } from './socket-server.ts'

/**
 * Devices in a process of their own that do as little as can be: frames are found by their headers, counted and stamped;
 * nothing is read as JSON.
 */

/** What of. `plain`: the raw WebSocket server's rooms. */
export type Kind = Hearing | 'plain'

/** `open`: so many devices of each restaurant. `heard`: waits until each has heard so many changes of its restaurant. */
export type Order =
  | ({
      readonly what: 'open'
      readonly port: number
      readonly kind: Kind
      readonly devices: number
      /** The number of the first device in each. */
      readonly first: number
      /** Changes of one restaurant that are stamped, at most. */
      readonly stamps: number
    } & Range)
  | { readonly what: 'heard'; readonly changes: number }
  | { readonly what: 'close' }
type Opening = Order & { what: 'open' }

/**
 * Of each restaurant's changes, one after the other: when the last device had it, in milliseconds of the system's steady
 * clock; 0 where none had.
 */
export type Heard = Float64Array

const MASK = Buffer.alloc(4)
const PONG = Buffer.concat([Buffer.from([0x8a, 0x80]), MASK])
const HELLO = '{"type":"hello"}'
const [TEXT, PING] = [0x81, 0x89]
// `{"type":"c` and `{"type": "g`: changes, and messages of guests.
const [C, G] = ['c'.charCodeAt(0), 'g'.charCodeAt(0)]

let frames = 0
let count = 0
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
      const short = got[at + 1]!
      const start = at + (short === 127 ? 10 : short === 126 ? 4 : 2)
      if (got.length < start) break
      const length = short === 127 ? got.readUInt32BE(at + 6) : short === 126 ? got.readUInt16BE(at + 2) : short
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
    if (this.#heard >= this.#stamps) return
    const place = this.#restaurant * this.#stamps + this.#heard++
    if (last[place]! < now) last[place] = now
  }
}

/** Resolves when each has been told that it hears. Some at a time: a handshake asks the database who it is. */
async function openAll(opening: Opening): Promise<void> {
  const { restaurants, devices, first, stamps } = opening
  last = new Float64Array(restaurants * stamps)
  count = restaurants * devices
  let next = 0
  const worker = async () => {
    for (let n = next++; n < count; n = next++)
      await new Promise<void>(
        (ready) => new Device(opening, n % restaurants, first + Math.floor(n / restaurants), ready),
      )
  }
  await Promise.all(Array.from({ length: 20 }, worker))
}

async function heard(changes: number): Promise<Heard> {
  const end = Date.now() + 20_000
  const wanted = changes * count
  const isOver = () => frames >= wanted || Date.now() > end
  while (!isOver()) await sleep(20)
  if (frames !== wanted) throw new Error(`${count} devices heard ${frames} frames of ${changes} changes`)
  return last
}

async function obey(order: Order): Promise<Heard | string> {
  if (order.what === 'heard') return heard(order.changes)
  if (order.what === 'open') await openAll(order)
  else for (const socket of open) socket.destroy()
  return 'done'
}

process.on('message', (order: Order) => void obey(order).then((answer) => process.send!(answer)))
process.on('disconnect', () => process.exit(0))

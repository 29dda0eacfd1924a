import { Client, Account, type Answer } from './client.ts'
import { sleep, type EveningClock } from './clock.ts'
import type { Fields } from './copy.ts'
import { Device } from './device.ts'
import { planEvening } from './evening.ts'
import type { Day } from './figures.ts'
import { floorOf } from './floors.ts'
import type { Options } from './options.ts'
import { Party } from './party.ts'
import { Random } from './random.ts'
import type { Tally } from './tally.ts'

/** Hosts look around this often, in virtual minutes, but not more or less often than this in milliseconds. */
const LOOK_MINUTES = 0.5
const LEAST_LOOK_MILLIS = 25
const MOST_LOOK_MILLIS = 2_000
// After an action its table and guest are left alone for a moment, until every device has heard of it; longer when it failed.
const SETTLE_MILLIS = 120
const FAILED_MILLIS = 1_000

/** A free table, a taken one: as the screen shows them. */
export type Cell = 'free' | 'taken' | 'reserved' | 'out'

/** What the screen shows of a restaurant. */
export interface Glance {
  readonly name: string
  readonly waiting: number
  readonly seated: number
  readonly cells: readonly Cell[]
  readonly online: number
}

const CELLS: Record<string, Cell> = { available: 'free', occupied: 'taken', reserved: 'reserved' }

/** A restaurant with its devices and its evening. What its hosts do is decided in hosts.ts. */
export class House {
  readonly name: string
  readonly account: Account
  readonly devices: readonly Device[]
  readonly parties: readonly Party[]
  readonly random: Random
  readonly clock: EveningClock
  readonly day: Day
  /** Tables being set again: until when, in minutes. */
  readonly setAgainAt = new Map<string, number>()
  /** Something to read: what a host did last, and when. */
  news = { at: 0, text: '' }
  #underWay = 0
  readonly #left = new Map<string, number>()

  private constructor(
    name: string,
    account: Account,
    index: number,
    options: Options,
    clock: EveningClock,
    tally: Tally,
  ) {
    this.name = name
    this.account = account
    this.clock = clock
    this.day = options.day
    this.random = new Random(options.seed, index * 2 + 1)
    const tables = floorOf(options.floor).length
    this.parties = planEvening(new Random(options.seed, index * 2), { ...options, tables }).map((p) => new Party(p))
    this.devices = Array.from({ length: options.devices }, (_, i) => {
      const faulty = options.plantFault && index === 0 && i === 0
      return new Device({ account, tally, index: i, both: i % 2 === 1, faulty })
    })
  }

  /** Registers the restaurant and puts up its tables. */
  static async open(name: string, index: number, options: Options, clock: EveningClock, tally: Tally): Promise<House> {
    const client = new Client(options.url)
    const account = await Account.register(client, name)
    const { status, body } = await account.call(client, 'POST', '/tables/bulk', floorOf(options.floor))
    if (status !== 200) throw new Error(`the tables were answered with ${status} ${JSON.stringify(body)}`)
    return new House(name, account, index, options, clock, tally)
  }

  get lookMillis(): number {
    return Math.min(MOST_LOOK_MILLIS, Math.max(LEAST_LOOK_MILLIS, this.clock.millis(LOOK_MINUTES)))
  }

  /** Nothing is on its way to the server. */
  get isIdle(): boolean {
    return this.#underWay === 0
  }

  /** Any device that is connected. */
  view(): Device | undefined {
    const ready = this.devices.filter((device) => device.ready)
    return ready.length > 0 ? this.random.pick(ready) : undefined
  }

  tell(text: string): void {
    this.news = { at: this.clock.now(), text }
  }

  /** Whether an action on a guest or table is on its way, or just happened. */
  isBusy(key: string): boolean {
    const until = this.#left.get(key)
    if (until === undefined) return false
    if (until > performance.now()) return true
    this.#left.delete(key)
    return false
  }

  /** Whether a party may be put at a table, as far as one device shows. */
  isFree(id: string, table: Fields, now: number): boolean {
    return table['status'] === 'available' && !this.isBusy(id) && (this.setAgainAt.get(id) ?? 0) <= now
  }

  /**
   * Has a host with free hands do something, and keeps other hosts off the guests and tables named. False when no host is free. `at` 0 is at once;
   * otherwise it is any moment before hosts look around again, so that not everyone presses a button at the same time.
   */
  act(keys: readonly string[], doing: (device: Device) => Promise<Answer | null>, at?: 0): boolean {
    const free = this.devices.filter((device) => device.ready && !device.busy)
    if (free.length === 0) return false
    const device = this.random.pick(free)
    const delay = at ?? this.random.next() * this.lookMillis
    device.busy = true
    this.#underWay++
    for (const key of keys) this.#left.set(key, Number.POSITIVE_INFINITY)
    void this.#perform(device, keys, doing, delay)
    return true
  }

  async #perform(
    device: Device,
    keys: readonly string[],
    doing: (device: Device) => Promise<Answer | null>,
    delay: number,
  ) {
    await sleep(delay)
    const answer = await doing(device).catch(() => null)
    const settled = performance.now() + (answer && answer.status < 400 ? SETTLE_MILLIS : FAILED_MILLIS)
    for (const key of keys) this.#left.set(key, settled)
    device.busy = false
    this.#underWay--
  }

  glance(): Glance {
    const { name } = this
    const online = this.devices.filter((device) => device.ready).length
    const copy = (this.devices.find((device) => device.ready) ?? this.devices[0]!).copy
    let [waiting, seated] = [0, 0]
    for (const { status } of copy.guests.values() as Iterable<{ status?: unknown }>) {
      if (status === 'Waitlist' || status === 'Arrived') waiting++
      if (status === 'Seated') seated++
    }
    const tables = [...copy.tables.values()].sort((a, b) => Number(a['tableNumber']) - Number(b['tableNumber']))
    const cells = tables.map((table: Fields) => CELLS[String(table['status'])] ?? 'out')
    return { name, waiting, seated, cells, online }
  }

  close(): void {
    for (const device of this.devices) device.close()
  }
}

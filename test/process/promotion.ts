import { expect } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { register, request, type Restaurant } from '../kit.ts'
import { asLogin } from '../postgres.ts'
import { StreamDevice, type Message } from './device.ts'
import { expectFollowed } from './followers.ts'
import { openFloor, write, type Floor } from './load.ts'
import { expectAcknowledged, expectWhole } from './oracle.ts'
import { until } from './processes.ts'
import type { Replicated } from './replicas.ts'
import { cleanUp } from './server.ts'
import { randomFrom } from '../random.ts'

/** A promotion under load, and whether any number was told twice in one epoch, to anybody. */

const RESTAURANTS = 2
const DEVICES = 4
const WRITERS = 3
const BEFORE_MILLIS = 1_500
const AFTER_MILLIS = 2_000
/** The longest that a standby is behind: the poll and a heartbeat fall into it. */
const BEHIND_MILLIS = 1_500

/** What a promotion cost. */
export interface Verdict {
  readonly seed: number
  /** Numbers that were told with two meanings in one epoch. */
  readonly toldTwice: readonly string[]
  /** Of each device. */
  readonly resyncs: readonly number[]
  /** Of each device that began anew more than once: when and why, in milliseconds since the primary died. */
  readonly twiceAnew: readonly string[]
  /** Devices that went back within an epoch, or to an epoch that they had left. */
  readonly steppedBack: readonly string[]
  /** What was wrong in the end with the log, or with what a device held. */
  readonly faults: readonly string[]
  /** Acknowledged writes that the promoted server does not have. */
  readonly lost: number
  /** The longest time around the promotion between two acknowledged writes. */
  readonly withoutWritesMillis: number
  readonly writes: number
  readonly refused: number
}

/** Every number that was told, and what was told under it. */
class Told {
  readonly twice: string[] = []
  readonly #meanings = new Map<string, string>()

  /** `what`: a change, or the state after it. */
  say(epoch: string, seq: number, what: 'change' | 'state' | 'answer', meaning: string, by: string): void {
    const key = `${what} ${seq} of ${epoch}`
    const known = this.#meanings.get(key)
    if (known === undefined) this.#meanings.set(key, meaning)
    else if (known !== meaning) this.twice.push(`${key} by ${by}: ${known}, then ${meaning}`)
  }
}

/** Where one who hears of a log was told to be. */
class Course {
  readonly back: string[] = []
  /** Each time it was told to begin anew. */
  readonly anew: { readonly at: number; readonly why: string }[] = []
  readonly #left = new Set<string>()
  #epoch = ''
  #seq = 0

  at(epoch: string, seq: number, by: string): void {
    if (epoch !== this.#epoch) {
      this.#left.add(this.#epoch)
      if (this.#left.has(epoch)) this.back.push(`${by} to epoch ${epoch}`)
      this.#epoch = epoch
    } else if (seq < this.#seq) this.back.push(`${by} from ${this.#seq} to ${seq}`)
    this.#seq = seq
  }
}

/** Hears all that a device is told. */
function listener(told: Told, course: Course): (message: Message) => void {
  return (message) => {
    if (message.type === 'resync')
      course.anew.push({ at: performance.now(), why: `${message.reason}, ${message.head} of ${message.epoch}` })
    else if (message.type === 'changes')
      for (const { epoch, seq, at, mutationId } of message.changes) {
        told.say(epoch, seq, 'change', `${mutationId} at ${at}`, 'the stream')
        course.at(epoch, seq, 'a change')
      }
    else if (message.type === 'snapshot' || message.type === 'heartbeat') {
      const { epoch, horizon, hash } = message
      const seq = message.type === 'snapshot' ? message.seq : message.head
      told.say(epoch, seq, 'state', `${hash} from ${horizon}`, message.type)
      // A heartbeat may be written before changes that were sent ahead of it are, so only snapshots tell of a place.
      if (message.type === 'snapshot') course.at(epoch, seq, 'a snapshot')
    }
  }
}

/** Plays one promotion over servers that run, with restaurants of its own. */
export async function promote(
  replicated: Replicated,
  bases: readonly string[],
  seed: number,
  isSafe: boolean,
): Promise<Verdict> {
  const random = randomFrom(seed)
  const told = new Map<string, Told>()
  const courses: Course[] = []
  const floors: Floor[] = []
  const devices: StreamDevice[] = []
  for (let n = 0; n < RESTAURANTS; n++) {
    const restaurant = await register(bases[n % bases.length]!, `Cedar ${seed} ${n}`)
    floors.push(await openFloor(everywhere(restaurant, bases), 4))
    const tellings = new Told()
    told.set(restaurant.id, tellings)
    for (let d = 0; d < DEVICES; d++) {
      const course = new Course()
      courses.push(course)
      // Half of them change their server with each connection.
      const own = [bases[d % bases.length]!]
      const { id: restaurantId, token } = restaurant
      const onMessage = listener(tellings, course)
      devices.push(
        new StreamDevice({ bases: () => (d % 4 < 2 ? own : bases), restaurantId, token, random, onMessage }).start(),
      )
    }
  }
  cleanUp(async () => devices.forEach((device) => device.stop()))
  await until(() => devices.every(({ live }) => live))

  const now = { stopped: false }
  const good: number[] = []
  const workers = floors.flatMap((floor) => [
    ...Array.from({ length: WRITERS }, () => keepWriting(floor, random, now, good)),
    ...bases.map((base) => keepReading(base, floor.restaurant, told.get(floor.restaurant.id)!, now)),
    keepDropping(devices, random, now),
  ])
  const before = await epochsOf(replicated.primary(), floors)
  await sleep(BEFORE_MILLIS)
  const died = await replicated.failOver(seed % 4 === 0 ? 0 : random() * BEHIND_MILLIS)
  await until(() => good.at(-1)! > died + 1_000, 60_000)
  await sleep(AFTER_MILLIS)
  now.stopped = true
  await Promise.all(workers)

  const primary = replicated.primary()
  const lost = await lostOf(primary, floors, told, before)
  const faults: string[] = []
  for (const floor of floors) {
    const own = devices.filter((device) => device.restaurantId === floor.restaurant.id)
    try {
      if (isSafe) {
        expect(lost, 'acknowledged writes that were lost').toBe(0)
        await expectAcknowledged(primary, floor)
      }
      await expectWhole(primary, floor.restaurant)
      await expectFollowed(primary, own, floor.restaurant)
    } catch (error) {
      faults.push((error as Error).message)
    }
  }
  for (const device of devices) device.stop()
  const sent = floors.flatMap((floor) => floor.sent)
  return {
    seed,
    toldTwice: [...told.values()].flatMap(({ twice }) => twice),
    resyncs: devices.map(({ counts }) => counts.snapshots - 1),
    twiceAnew: courses.flatMap(({ anew }, n) =>
      // The first time is its first hello.
      anew.length < 3
        ? []
        : [`device ${n}: ${anew.map(({ at, why }) => `${Math.round(at - died)} ms ${why}`).join('; ')}`],
    ),
    steppedBack: courses.flatMap(({ back }) => back),
    faults,
    lost,
    withoutWritesMillis: Math.round(gapAround(good, died)),
    writes: sent.length,
    refused: sent.filter(({ answer }) => answer === null || answer.status >= 500).length,
  }
}

/** The restaurant, each of whose requests goes to the next server. */
function everywhere(restaurant: Restaurant, bases: readonly string[]): Restaurant {
  let turn = 0
  const authorization = { authorization: `Bearer ${restaurant.token}` }
  const base = () => bases[turn++ % bases.length]!
  return {
    ...restaurant,
    call: (method, path, body) => request(base(), method, `/restaurants/${restaurant.id}${path}`, body, authorization),
    v2: (method, path, body, headers) =>
      request(base(), method, `/v2/restaurants/${restaurant.id}${path}`, body, { ...authorization, ...headers }),
  }
}

async function keepWriting(
  floor: Floor,
  random: () => number,
  now: { stopped: boolean },
  good: number[],
): Promise<void> {
  while (!now.stopped) {
    let asked = 0
    const place = floor.sent.length
    await write(floor, random, () => asked++ > 0)
    const status = floor.sent[place]?.answer?.status ?? 503
    if (status < 300) good.push(performance.now())
    else if (status >= 500) await sleep(50)
  }
}

/** Reads the floor of one server again and again: what it is told there must fit what everybody else is told. */
async function keepReading(
  base: string,
  { id, token }: Restaurant,
  told: Told,
  now: { stopped: boolean },
): Promise<void> {
  while (!now.stopped) {
    const { status, body } = await request(base, 'GET', `/v2/restaurants/${id}/snapshot`, undefined, {
      authorization: `Bearer ${token}`,
    })
    if (status === 200) told.say(body.epoch, body.seq, 'state', `${body.hash} from ${body.horizon}`, 'HTTP')
    await sleep(50)
  }
}

/** Drops a connection now and then, as networks do. */
async function keepDropping(
  devices: readonly StreamDevice[],
  random: () => number,
  now: { stopped: boolean },
): Promise<void> {
  while (!now.stopped) {
    await sleep(300)
    devices[Math.floor(random() * devices.length)]!.drop()
  }
}

interface Row {
  readonly restaurant_id: string
  readonly epoch: string
}

async function epochsOf(url: string, floors: readonly Floor[]): Promise<Map<string, string>> {
  const ids = floors.map(({ restaurant }) => restaurant.id)
  const rows = await asLogin<Row>(url, 'select restaurant_id, epoch from qtable.heads where restaurant_id = any ($1)', [
    ids,
  ])
  return new Map(rows.map(({ restaurant_id, epoch }) => [restaurant_id, epoch]))
}

/** Counts acknowledged writes that are not in the log; and has the numbers that answers told compared with all others. */
async function lostOf(
  url: string,
  floors: readonly Floor[],
  told: ReadonlyMap<string, Told>,
  before: ReadonlyMap<string, string>,
): Promise<number> {
  let lost = 0
  for (const { restaurant, sent } of floors) {
    const rows = await asLogin<{ epoch: string; key: string; at: string }>(
      url,
      `select epoch, mutation_id as key, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
       from qtable.changes where restaurant_id = $1 and mutation_id is not null`,
      [restaurant.id],
    )
    const log = new Map(rows.map((row) => [row.key, row]))
    for (const { api, key, answer } of sent) {
      if (api !== 'v2' || !answer || answer.status >= 300 || answer.body.seq === null) continue
      const row = log.get(key)
      if (!row) lost++
      const epoch = row?.epoch ?? before.get(restaurant.id)!
      told.get(restaurant.id)!.say(epoch, answer.body.seq, 'answer', key, 'an answer')
    }
  }
  return lost
}

/** The longest time without an acknowledged write that begins or ends after the primary died. */
function gapAround(good: readonly number[], died: number): number {
  const sorted = good.toSorted((a, b) => a - b)
  const gaps = sorted.slice(1).map((at, n) => (at > died ? at - Math.max(sorted[n]!, 0) : 0))
  return Math.max(...gaps)
}

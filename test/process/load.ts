import { randomUUID } from 'node:crypto'
import type { Answer, Restaurant } from '../kit.ts'
import { cards } from './cards.ts'
import { Deck, learn, type Known } from './deck.ts'

/**
 * Writers as a busy floor has them: every command, over both APIs. Everything that was sent and answered is remembered,
 * for `oracle.ts` to check.
 */

/** One request and its answer. The answer is null when none came, so that nobody knows whether it was done. */
export interface Sent {
  readonly api: 'ipad' | 'v2'
  readonly method: string
  readonly path: string
  readonly body: unknown
  /** The Idempotency-Key, on /v2. */
  readonly key: string
  answer: Answer | null
  /** Why no answer came. */
  fault?: unknown
}

/** A restaurant under load. */
export interface Floor extends Known {
  readonly restaurant: Restaurant
  readonly deck: Deck
  readonly sent: Sent[]
}

/** A restaurant with tables, the first few guests and two reservations. */
export async function openFloor(restaurant: Restaurant, tables: number): Promise<Floor> {
  const ids: string[] = []
  for (let n = 1; n <= tables; n++) ids.push(await restaurant.table(`${n}`))
  const known = {
    tables: ids,
    spares: [],
    guests: [],
    reservations: [],
    staff: [],
    made: {},
    turns: { renamed: 0, signedOut: 0 },
  }
  const floor: Floor = { ...known, restaurant, deck: new Deck(cards), sent: [] }
  for (let n = 1; n <= 10; n++) floor.guests.push(await restaurant.walkIn(`First ${n}`))
  for (let n = 1; n <= 2; n++) {
    const { body } = await restaurant.v2('POST', '/reservations', { guestName: `Expected ${n}`, partySize: 2 })
    floor.reservations.push(body.result.id)
  }
  return floor
}

/** Sends a request, for the first time or again. */
export async function send(floor: Floor, one: Sent): Promise<Answer> {
  const { api, method, path, body, key } = one
  const answer =
    api === 'v2'
      ? await floor.restaurant.v2(method, path, body, { 'idempotency-key': key })
      : await floor.restaurant.call(method, path, body)
  if (answer.status < 300) learn(floor, method, path, api === 'v2' ? answer.body?.result?.id : answer.body?.id)
  return answer
}

/** Writes one after the other until told to stop, or until the server is gone. */
export async function write(floor: Floor, random: () => number, stopped: () => boolean): Promise<void> {
  while (!stopped()) {
    const { card, path, body } = floor.deck.next(floor, random)
    const one: Sent = { api: card.api, method: card.method, path, body, key: randomUUID(), answer: null }
    floor.sent.push(one)
    try {
      one.answer = await send(floor, one)
    } catch (error) {
      one.fault = error
      return
    }
  }
}

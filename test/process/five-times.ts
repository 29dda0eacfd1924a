import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { request, type Answer, type Restaurant } from '../kit.ts'
import { asLogin } from '../postgres.ts'
import { cards } from './cards.ts'
import { Deck, learn } from './deck.ts'
import type { Floor } from './load.ts'
import { expectStaff, expectWhole } from './oracle.ts'
import { within } from '../patience.ts'

/**
 * Mutations that are sent five times at once to several servers, and again until each sending is answered; and what must
 * be true of the answers and of the log.
 */

/** One request below `/v2/restaurants/{id}`. */
interface Asked {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

/** One Idempotency-Key and its five sendings: the same request, unless somebody used the key twice. */
export interface Mutation {
  readonly key: string
  readonly sendings: readonly Asked[]
}

/** A mutation with the five answers that it got in the end. */
export interface Played extends Mutation {
  readonly answers: readonly Answer[]
  /** Sendings that were lost or turned away, and sent again. */
  readonly lost: number
}

/** Where mutations are sent to. Servers may be away; one or the other comes back within `GIVE_UP_MILLIS`. */
export interface Target {
  readonly bases: readonly string[]
  readonly restaurant: Pick<Restaurant, 'id' | 'token'>
}

const TIMES = 5
const GIVE_UP_MILLIS = within(90_000)

/** A request to one of the servers. */
export const askAt = (base: string, { id, token }: Target['restaurant'], one: Asked, key?: string): Promise<Answer> =>
  request(base, one.method, `/v2/restaurants/${id}${one.path}`, one.body, {
    authorization: `Bearer ${token}`,
    ...(key !== undefined && { 'idempotency-key': key }),
  })

/** The same request five times; with `other` two of the five are that one, under the same key. */
export const fiveTimes = (one: Asked, other?: Asked): Mutation => ({
  key: randomUUID(),
  sendings: Array.from({ length: TIMES }, (_, n) => (other && n % 2 === 1 ? other : one)),
})

/** Sends all five at once, spread over the servers, and each again until it is answered. */
export async function play({ bases, restaurant }: Target, mutation: Mutation): Promise<Played> {
  let lost = 0
  const sendOne = async (one: Asked, n: number): Promise<Answer> => {
    for (const end = Date.now() + GIVE_UP_MILLIS; ; n++) {
      try {
        const answer = await askAt(bases[n % bases.length]!, restaurant, one, mutation.key)
        // 503 decides nothing.
        if (answer.status !== 503) return answer
      } catch (error) {
        if (Date.now() > end) throw error
      }
      if (Date.now() > end) throw new Error(`${one.method} ${one.path} was not answered for ${GIVE_UP_MILLIS} ms`)
      lost++
      await sleep(20)
    }
  }
  const answers = await Promise.all(mutation.sendings.map(sendOne))
  return { ...mutation, answers, lost }
}

const isReused = ({ status, body }: Answer): boolean => status === 422 && body.code === 'mutation-id-reused'
const told = ({ status, body }: Answer) => ({ status, body: { ...body, requestId: null } })
const textOf = ({ method, path, body }: Asked): string => `${method} ${path} ${JSON.stringify(body)}`

/** The request that has the key: of two the first that came. */
const wonBy = ({ sendings, answers }: Played): Asked => sendings[answers.findIndex((answer) => !isReused(answer))]!

/** The five answers must be one: the same for the same request, and for another request with its key 422. Gives that one. */
export function expectOneAnswer({ sendings, answers }: Played): Answer {
  const first = answers.findIndex((answer) => !isReused(answer))
  const what = `repeat of ${textOf(sendings[Math.max(first, 0)]!)}`
  expect(first, `${what}: some request has the key`).toBeGreaterThanOrEqual(0)
  const [won, given] = [textOf(sendings[first]!), answers[first]!]
  expect(given.status, `${what}: ${given.text}`).toBeLessThan(500)
  for (const [n, answer] of answers.entries()) {
    if (textOf(sendings[n]!) === won) expect(told(answer), what).toEqual(told(given))
    else expect(isReused(answer), `another request with the key of a ${what}: ${answer.text}`).toBe(true)
  }
  const fresh = answers.filter((each) => each.status < 300 && each.headers.get('idempotency-replayed') !== 'true')
  expect(fresh.length, `${what}: answers that claim to be the first`).toBeLessThanOrEqual(1)
  return given
}

/** Each mutation must be in the log once if it was done, and not at all if it was refused. Its answer is remembered. */
export async function expectOneEffect(url: string, restaurant: Restaurant, played: readonly Played[]): Promise<void> {
  const changes = await expectWhole(url, restaurant)
  const rows = await asLogin<{ key: string; ok: string }>(
    url,
    `select mutation_id as key, outcome->>'ok' as ok from qtable.mutations where restaurant_id = $1`,
    [restaurant.id],
  )
  const remembered = new Map(rows.map(({ key, ok }) => [key, ok === 'true']))
  for (const each of played) {
    const { status, body } = expectOneAnswer(each)
    const done = changes.filter(({ mutationId }) => mutationId === each.key).map(({ seq }) => seq)
    const what = `effects of ${textOf(each.sendings[0]!)}, answered ${status}`
    expect(done, what).toEqual(status < 300 && body.seq !== null ? [body.seq] : [])
    expect(remembered.get(each.key), what).toBe(status < 300)
  }
  const sent = played.map((each) => ({ ...wonBy(each), answer: expectOneAnswer(each) }))
  await expectStaff(url, { restaurant, sent })
}

/** A refusal must stay one when its reason is gone, and a new key must not be held up by it. */
export async function expectRefusalRemembered(target: Target, newTable: () => Promise<string>): Promise<void> {
  const ask = (one: Asked) => askAt(target.bases[0]!, target.restaurant, one)
  const add = { method: 'POST', path: '/guests', body: { firstName: 'Ada', partySize: 2 } }
  const [sits, waits] = [(await ask(add)).body.result.id, (await ask(add)).body.result.id]
  const tableId = await newTable()
  const seat = (guest: string) => ({ method: 'POST', path: `/guests/${guest}/seat`, body: { tableId } })
  expect((await ask(seat(sits))).status).toBe(200)
  const refused = await play(target, fiveTimes(seat(waits)))
  expect(expectOneAnswer(refused)).toMatchObject({ status: 409, body: { code: 'table-not-free' } })
  expect((await ask({ method: 'POST', path: `/tables/${tableId}/clear`, body: {} })).status).toBe(200)
  const again = await play(target, refused)
  expect(told(expectOneAnswer(again)), 'repeat of a refusal whose reason is gone').toEqual(told(refused.answers[0]!))
  expect(expectOneAnswer(await play(target, fiveTimes(seat(waits)))).status).toBe(200)
}

// ---------------------------------------------------------------- what is sent

const REUSED = 0.1

/** The next mutation of a deck: some are refused, one in ten uses its key for two requests. */
function nextMutation(floor: Floor, deck: Deck, random: () => number): Mutation {
  const { card, path, body } = deck.next(floor, random)
  const other = { method: 'POST', path: '/guests', body: { firstName: 'Another', partySize: 3 } }
  return fiveTimes({ method: card.method, path, body }, random() < REUSED ? other : undefined)
}

/** So many mutations by writers at once, each one after the other; and more, slowly, until `enough`. */
export async function playMany(
  target: Target,
  floor: Floor,
  options: { readonly count: number; readonly random: () => number; readonly enough?: () => boolean },
): Promise<Played[]> {
  const { count, random, enough = () => true } = options
  const played: Played[] = []
  // The iPad's contract has no key.
  const deck = new Deck(cards.filter(({ api }) => api === 'v2'))
  let begun = 0
  const writer = async () => {
    while (begun < count || !enough()) {
      if (begun++ >= count) await sleep(100)
      const each = await play(target, nextMutation(floor, deck, random))
      played.push(each)
      const { status, body } = expectOneAnswer(each)
      const { method, path } = wonBy(each)
      if (status === 200) learn(floor, method, path, body.result?.id)
    }
  }
  await Promise.all(Array.from({ length: 4 }, writer))
  return played
}

import { expect } from 'vitest'
import { startApp, type Answer, type Restaurant, type TestApp } from '../kit.ts'
import {
  addressOf,
  colleague,
  pathOf,
  queryOf,
  queryText,
  tells,
  TELLS,
  type Ids,
  type Operation,
} from './operations.ts'
import { oneOfEach } from './one-of-each.ts'
import { Raw } from './raw.ts'
import { expectRefusal, expectRefusalOrTold } from './refusals.ts'
import { openEars, openWitness, TOLD_OF, type Ears, type Witness } from './witness.ts'

/** What a request has in place of the good one's; the rest of it is good. */
export interface Sent {
  readonly body?: unknown
  readonly text?: string
  readonly headers?: Record<string, string>
  /** Parameters of the query in place of the good ones; one that is undefined is left out. */
  readonly query?: Record<string, string | undefined>
  readonly params?: Record<string, string>
  readonly token?: string
}

type Labelled = readonly (readonly [label: string, sent: Sent])[]
type Look = (answer: Answer, label: string) => void

/** A restaurant with one of each, to which wrong requests are sent: each a 4xx in the door's shape, nothing stored, nothing announced. */
export interface Trial {
  readonly app: TestApp
  readonly witness: Witness
  readonly restaurant: Restaurant
  readonly ears: Ears
  readonly ids: Ids
  send(op: Operation, sent: Sent): Promise<Answer>
  /** Runs some requests, each of which must be refused and leave everything as it was; in the end nothing must have been announced. */
  allRefused(op: Operation, all: Labelled, look?: Look): Promise<void>
  /**
   * The same of requests that a list may answer with 200 and what it could not do. Nothing of it is stored either. What the list itself leaves is the
   * contract's: an empty change in the log, told as an empty list; an atomic batch is refused as a whole and leaves only what its transaction id was answered.
   */
  allRefusedOrTold(op: Operation, all: Labelled, look?: Look): Promise<void>
  close(): Promise<void>
}

export async function openTrial(): Promise<Trial> {
  const app = await startApp()
  const witness = await openWitness(app)
  const restaurant = await app.restaurant()
  const ids: Ids = {
    restaurant: restaurant.id,
    ...(await oneOfEach(restaurant)),
    staff: await colleague(restaurant),
    epoch: (await restaurant.v2('GET', '/snapshot')).body.epoch,
  }
  const ears = await openEars(app, restaurant)

  function send(
    op: Operation,
    { body, text, headers, query, params, token = restaurant.token }: Sent,
  ): Promise<Answer> {
    const sent = text ?? (body === undefined ? undefined : Raw.write(body))
    const authorization = op.isPublic ? {} : { authorization: `Bearer ${token}` }
    const address = addressOf(op, { ...pathOf(op, ids), ...params }, queryText({ ...queryOf(op, ids), ...query }))
    return app.call(op.method, address, sent, { ...authorization, ...headers })
  }

  async function allRefused(op: Operation, all: Labelled, look: Look = () => undefined): Promise<void> {
    await ears.attend()
    const before = await witness.everything()
    for (const [label, sent] of all) {
      const answer = await send(op, sent)
      expectRefusal(op, answer, label)
      look(answer, label)
    }
    expect(await witness.everything(), 'something was stored').toBe(before)
    await ears.heardNothing()
  }

  async function allRefusedOrTold(op: Operation, all: Labelled, look: Look = () => undefined): Promise<void> {
    if (!TELLS.includes(op.name)) return allRefused(op, all, look)
    await ears.attend()
    const before = await witness.everything(TOLD_OF)
    const log = await witness.seqOf(restaurant.id)
    let told = 0
    for (const [label, sent] of all) {
      const answer = await send(op, sent)
      expectRefusalOrTold(op, answer, label)
      if (tells(op, answer)) told++
      look(answer, label)
    }
    expect(await witness.everything(TOLD_OF), 'something was stored').toBe(before)
    const left = await witness.changesAfter(restaurant.id, log)
    const empty = { command: 'run-each', touched: 0 }
    // Only the contract's sockets are told of a list of which nothing was done.
    const isSilent = op.door === 'v2' || op.name === 'atomicBatch'
    expect(left).toEqual(isSilent ? [] : Array.from({ length: told }, () => empty))
    await ears.heardNothing('empty lists')
  }

  async function close(): Promise<void> {
    await witness.close()
    await app.close()
  }
  return { app, witness, restaurant, ears, ids, send, allRefused, allRefusedOrTold, close }
}

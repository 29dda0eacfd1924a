import { expect } from 'vitest'
import { nouns } from '../../src/floor/nouns.ts'
import { newId } from '../../src/platform/ids.ts'
import { startApp, type Answer, type Restaurant, type TestApp } from '../kit.ts'
import {
  addressOf,
  goodBody,
  idOf,
  isDone,
  pathOf,
  queryOf,
  queryText,
  tells,
  TELLS,
  titleOf,
  type Ids,
  type Kind,
  type Operation,
} from './operations.ts'
import { putCountedDay } from '../visits.ts'
import { addMessage, addOne, forEachKind, marked, oneOfEach } from './one-of-each.ts'
import { Raw } from './raw.ts'
import type { Field } from './schemas.ts'
import { openEars, openWitness, TOLD_OF, type Ears, type Witness } from './witness.ts'

/** Ids of nothing. */
export const NOWHERE: Ids = {
  restaurant: newId(),
  ...forEachKind(() => newId()),
}

/** In every text that one of them has. */
export const MARK = 'Zq7Mark'

export interface Sent {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Two furnished restaurants: one tries everything that it can name of the other. */
export interface Rivals {
  readonly app: TestApp
  readonly witness: Witness
  readonly mine: Restaurant
  readonly theirs: Restaurant
  readonly theirEars: Ears
  /** The ids that they have of each kind, and of what they deleted. */
  readonly theirIds: Readonly<Record<string, readonly string[]>>
  /** Counts what was tried, told at the end. */
  count(what: string): void
  /** A request with ids in path and query that are there, but for what is said otherwise. */
  send(op: Operation, token: string, ids: Ids, sent?: Sent): Promise<Answer>
  /** Entities of a restaurant that nothing was done to yet. */
  freshIds(restaurant: Restaurant): Promise<Ids>
  /** The same request with ids of one's own is done: without that, a refusal shows nothing. */
  expectDoneWithOwn(op: Operation, field?: Field & { readonly kind: Kind }): Promise<void>
  /** Not one byte of theirs, but for the id that was sent. */
  expectNothingOfTheirs(answer: Pick<Answer, 'text' | 'headers'>, sent: readonly string[]): void
  /**
   * Both restaurants must be as they were when everything was tried, and their sockets must have heard nothing. A list that could do nothing leaves an empty
   * change in the log of its own restaurant, and what a transaction id was answered.
   */
  unchanged(op: Operation, work: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

let plans = 0
/** A number for a table that no other has. */
export const newPlan = (): number => ++plans

export async function openRivals(): Promise<Rivals> {
  const app = await startApp()
  const witness = await openWitness(app)
  const mine = await app.restaurant('Mine')
  const theirs = await app.restaurant(`${MARK} Rival`)
  await furnish(mine, 'Own')
  const gone = await furnish(theirs, MARK)
  await putCountedDay(app.database, mine, 'Own counted')
  await putCountedDay(app.database, theirs, `${MARK} counted`)
  const theirEars = await openEars(app, theirs)
  await theirEars.heardNothing()
  const known = await witness.idsOf(theirs.id)
  // Settings and turn times have the restaurant's id.
  const theirIds = {
    ...known,
    settings: [],
    turn: [],
    restaurant: [theirs.id],
    staff: [theirs.staffId, ...known.staff],
    gone: [gone],
  }
  const own = textsOf(await witness.rowsOf(mine.id))
  const secrets = [...textsOf(await witness.rowsOf(theirs.id))].filter((text) => text.length >= 6 && !own.has(text))
  const checked: Record<string, number> = {}

  function send(op: Operation, token: string, ids: Ids, { params, query, body }: Sent = {}): Promise<Answer> {
    const text = body === undefined ? undefined : Raw.write(body)
    const address = addressOf(op, { ...pathOf(op, ids), ...params }, queryText({ ...queryOf(op, ids), ...query }))
    return app.call(op.method, address, text, { authorization: `Bearer ${token}` })
  }

  async function freshIds(restaurant: Restaurant): Promise<Ids> {
    return { restaurant: restaurant.id, new: newId(), ...(await oneOfEach(restaurant)) }
  }

  /** What an operation may need before it can be done: a party that was called, that sits there, that sits elsewhere. */
  const preparations: readonly ((ids: Ids) => Promise<unknown>)[] = [
    () => Promise.resolve(),
    (ids) => mine.v2('POST', `/guests/${ids.guest}/notify`, {}),
    (ids) => mine.v2('POST', `/guests/${ids.guest}/seat`, { tableId: ids.table }),
    async (ids) => mine.v2('POST', `/guests/${ids.guest}/seat`, { tableId: await mine.table(`own ${newPlan()}`, 8) }),
  ]

  async function expectDoneWithOwn(op: Operation, field?: Field & { readonly kind: Kind }): Promise<void> {
    const said: string[] = []
    for (const prepare of preparations) {
      const ids = await freshIds(mine)
      await prepare(ids)
      const answer = await send(op, mine.token, ids, { body: bodyOf(op, ids, field, field && idOf(ids, field.kind)) })
      if (isDone(op, answer)) return
      said.push(answer.text)
    }
    expect.fail(`${titleOf(op)} ${field?.place.join('.') ?? ''}: ${said.join(' ')}`)
  }

  function expectNothingOfTheirs({ text, headers }: Pick<Answer, 'text' | 'headers'>, sent: readonly string[]): void {
    const all = `${text}\n${JSON.stringify([...headers])}`
    const found = secrets.filter((secret) => !sent.includes(secret) && all.includes(secret))
    expect(found).toEqual([])
    expect(all).not.toContain(MARK)
  }

  async function unchanged(op: Operation, work: () => Promise<void>): Promise<void> {
    const except = TELLS.includes(op.name) ? TOLD_OF : []
    const look = async () => [await witness.everythingOf(theirs.id), await witness.everythingOf(mine.id, except)]
    await theirEars.attend()
    const [before, log] = [await look(), await witness.seqOf(mine.id)]
    await work()
    expect(await look()).toEqual(before)
    const left = await witness.changesAfter(mine.id, log)
    expect(left.filter(({ touched }) => touched > 0)).toEqual([])
    await theirEars.heardNothing()
  }

  async function close(): Promise<void> {
    process.stdout.write(
      `isolation: ${JSON.stringify(checked)}, ${secrets.length} secrets looked for in every answer\n`,
    )
    await witness.close()
    await app.close()
  }
  const count = (what: string): void => void (checked[what] = (checked[what] ?? 0) + 1)
  return {
    app,
    witness,
    mine,
    theirs,
    theirEars,
    theirIds,
    count,
    send,
    freshIds,
    expectDoneWithOwn,
    expectNothingOfTheirs,
    unchanged,
    close,
  }
}

/**
 * Two free tables, one taken by a seated party, one by a reservation; a waiting and a finished guest, an expected and a cancelled reservation; a
 * mark in every text there is. Gives the id of a guest that was deleted.
 */
async function furnish(restaurant: Restaurant, mark: string): Promise<string> {
  const table = (n: number) => ({
    number: `${mark} ${n}`,
    capacity: 6,
    x: 0.25,
    y: 0.75,
    section: `${mark} section ${n}`,
  })
  const guest = (n: number, more: object) => ({
    firstName: `${mark} first ${n}`,
    lastName: `${mark} last ${n}`,
    partySize: 3,
    email: `${mark.toLowerCase()}-${n}@guest.example`,
    phone: `+49 ${mark} ${n}`,
    notes: `${mark} notes ${n}`,
    specialRequests: `${mark} requests ${n}`,
    dietaryRestrictions: [`${mark} diet ${n}`],
    ...more,
  })
  const made = async (path: string, body: object) => {
    const answer = await restaurant.v2('POST', path, body, {
      'idempotency-key': `${mark} ${newId()}`,
      'x-device': `${mark} device`,
    })
    expect(answer.status, answer.text).toBe(200)
    return answer.body.result.id as string
  }
  await made('/tables', table(1))
  await made('/tables', table(2))
  const taken = await made('/tables', table(3))
  await made('/guests', guest(1, {}))
  await made('/guests', guest(2, { status: 'seated', tableId: taken }))
  await made('/guests', guest(3, { status: 'finished' }))
  const reservation = (n: number, more: object) => ({
    guestName: `${mark} booker ${n}`,
    contactInfo: `+43 ${mark} ${n}`,
    email: `${mark.toLowerCase()}-booker-${n}@guest.example`,
    partySize: 4,
    reservationTime: `2026-12-${10 + n}T18:30:00.123456Z`,
    source: `${mark} source ${n}`,
    notes: `${mark} booking ${n}`,
    specialRequests: `${mark} wishes ${n}`,
    ...more,
  })
  const held = await made('/tables', table(4))
  const holder = await made('/reservations', reservation(1, {}))
  const holds = await restaurant.v2('PATCH', `/reservations/${holder}`, { tableId: held })
  expect(holds.status, holds.text).toBe(200)
  await made('/reservations', reservation(2, { status: 'confirmed' }))
  await made('/reservations', reservation(3, { status: 'cancelled' }))
  for (const { kind } of nouns)
    if (!['table', 'guest', 'reservation', 'staff'].includes(kind)) await addOne(restaurant, kind, marked(kind, mark))
  await addMessage(restaurant, await made('/guests', guest(5, {})))
  await made('/staff', {
    email: `${mark.toLowerCase()}-host@guest.example`,
    password: `${mark} password`,
    role: 'host',
    firstName: `${mark} host`,
    lastName: `${mark} of the house`,
  })
  await restaurant.signIn(`${mark} iPad`)
  const gone = await made('/guests', guest(4, {}))
  expect((await restaurant.v2('DELETE', `/guests/${gone}`)).status).toBe(200)
  return gone
}

/** Every text anywhere in some rows. */
function textsOf(value: unknown, into = new Set<string>()): Set<string> {
  if (typeof value === 'string') into.add(value)
  else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) textsOf(each, into)
  return into
}

/** The body of a good request, if it has one, with an id in a field of it. */
export const bodyOf = (op: Operation, ids: Ids, field?: Field, id?: string): unknown =>
  op.body && goodBody(op, ids, field, id)

/** An answer without what differs from request to request, and without the id that was sent. */
export function plainAnswer({ status, headers, text }: Answer, sent: string): object {
  const body = text
    .replaceAll(sent, '<sent>')
    .replace(/"requestId":"[^"]+"/, '"requestId":"<request>"')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?/g, '<time>')
    .replace(/pla(n|in) \d+/g, '<plan>')
    // The place in one's own log.
    .replace(/"seq":\d+/, '"seq":"<seq>"')
  return {
    status,
    type: headers.get('content-type'),
    challenge: headers.get('www-authenticate'),
    allow: headers.get('allow'),
    body,
  }
}

/** Whether an answer to unknown ids in a body is a refusal: 4xx, or a list's own word of what was not found. */
export const refuses = (op: Operation, answer: Answer): boolean =>
  (answer.status >= 400 && answer.status < 500) || tells(op, answer)

import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { openLog, type ChangeLog } from '../../test/change-log.ts'
import { openDatabase, type TestDatabase } from '../../test/database.ts'
import { clockOf, type Instant } from '../platform/clock.ts'
import { newId } from '../platform/ids.ts'
import { readInput, type Role } from './command/command.ts'
import { cursorField, cursorText, placeBefore, type Cursor } from './cursor.ts'
import { ask, askAt, query, type Query, type Read } from './query.ts'

/** Reads: who may, of what moment, and where the next page begins. */

let database: TestDatabase
let log: ChangeLog
beforeAll(async () => {
  database = await openDatabase(4)
  log = await openLog(database)
  await log.add(3)
})
afterAll(() => database.close())

const NOW = '2026-11-24T20:12:13.000014Z' as Instant
const HOUR = '2026-11-24T20:00:00.000000Z' as Instant
const deps = () => ({ db: database.db, clock: clockOf(() => NOW) })
const sees = (run: (r: Read) => Promise<unknown>, more: Partial<Query> = {}): Query =>
  query({
    name: 'test-sees',
    summary: '',
    path: '/sees',
    role: 'manager',
    budget: [0, 0],
    input: z.strictObject({ size: z.int().optional() }),
    answer: z.unknown(),
    run,
    ...more,
  })
const as = (role: Role) => ({ restaurantId: log.restaurantId, actor: { staffId: log.staffId, role } })
const item = (n: number): Cursor => ({ createdAt: `2026-11-24T20:00:00.00000${n}Z` as Instant, id: newId() })

test('A3: who may do less than a query needs is refused before its input is read', async () => {
  const seen = sees(async (r) => [r.restaurantId, r.now])
  expect(() => readInput(seen, as('host'), { unknown: 1 })).toThrow(
    expect.objectContaining({ code: 'not-allowed', status: 403 }) as Error,
  )
  expect(() => readInput(seen, as('manager'), { unknown: 1 })).toThrow(
    expect.objectContaining({ code: 'invalid-input' }) as Error,
  )
  expect(readInput(seen, as('owner'), { size: 1 })).toEqual({ size: 1 })
  expect(await ask(deps(), seen, as('manager'), {})).toEqual([log.restaurantId, NOW])
  await expect(ask(deps(), seen, as('host'), {})).rejects.toMatchObject({ code: 'not-allowed' })
})

test('N4, N5: an answer tells its place, of the full hour, and is refused where it would be older than asked for', async () => {
  const seen = sees(async (r) => [r.restaurantId, r.now])
  const { restaurantId, epoch } = log
  const place = { epoch, seq: 3, hour: HOUR }
  for (const minSeq of [null, 0, 3])
    expect(await askAt(deps(), seen, restaurantId, {}, minSeq)).toEqual({
      place,
      result: [restaurantId, HOUR],
      next: undefined,
    })
  await expect(askAt(deps(), seen, restaurantId, {}, 4)).rejects.toMatchObject({
    code: 'ahead-of-log',
    status: 409,
    details: { head: 3 },
  })
})

test('N6: the next page begins at the last item of one that is full; an empty one and one that is not full is the last', async () => {
  const items = [item(3), item(2), item(1)]
  const page = (size: number, of = items) =>
    askAt(
      deps(),
      sees(async () => of, { pageSize: (input) => (input as { size: number }).size }),
      log.restaurantId,
      { size },
      null,
    )
  expect([(await page(3)).next, (await page(2)).next]).toEqual([cursorText(items[2]!), cursorText(items[2]!)])
  expect([(await page(4)).next, (await page(0, [])).next]).toEqual([null, null])
})

test('N6: only what was given as a cursor is one', () => {
  const given = item(1)
  const text = cursorText(given)
  expect(text).toHaveLength(86)
  expect(cursorField.parse(text)).toEqual(given)
  const encode = (plain: string) => Buffer.from(plain).toString('base64url')
  const { createdAt, id } = given
  const wrong = [
    '',
    `${text}A`,
    `A${text}`,
    text.slice(1),
    `${text.slice(0, -1)}!`,
    encode(`${createdAt}-${id}`),
    encode(`${createdAt} ${id.toUpperCase()}`),
    encode(`${createdAt.replace('2026', '0000')} ${id}`),
    encode(`${createdAt.replace('T20', 'T25')} ${id}`),
    // The same bytes, with bits that nobody reads.
    `${text.slice(0, -1)}${String.fromCharCode(text.charCodeAt(85) + 1)}`,
  ]
  for (const each of wrong) {
    const { error } = cursorField.safeParse(each)
    expect(
      error?.issues.map(({ message }) => message),
      each,
    ).toEqual(['must be the next of an earlier page'])
  }
  expect(placeBefore(createdAt)).toEqual({ createdAt, id: '00000000-0000-0000-0000-000000000000' })
})

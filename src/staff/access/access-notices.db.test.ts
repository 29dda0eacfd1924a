import { expect, test } from 'vitest'
import { openAccess } from '../../../test/access.ts'
import { startApp, type TestApp } from '../../../test/kit.ts'
import { goneAt } from '../../platform/http/client-gone.ts'
import { limits } from '../../platform/limits.ts'
import type { Logger } from '../../platform/observability/log.ts'
import { AccessReview } from './access-review.ts'

/** What the database says while `work` is done, up to the end of it. */
async function saidIn(house: TestApp, work: () => Promise<unknown>): Promise<string[]> {
  const said: string[] = []
  let begun = false
  const notices = house.database.db.notices('qtable_access', {
    hear: (text) => void said.push(text),
    begin: () => (begun = true),
  })
  await expect.poll(() => begun).toBe(true)
  await work()
  await house.database.sql(`select pg_notify('qtable_access', 'end')`)
  await expect.poll(() => said.at(-1)).toBe('end')
  await notices.close()
  return said.slice(0, -1)
}

const ENDS: readonly (readonly [string, string])[] = [
  ['another role', `update qtable.staff set role = 'manager' where restaurant_id = $1`],
  ['inactive', 'update qtable.staff set is_active = false where restaurant_id = $1'],
  [
    'revoked',
    "update qtable.sign_ins set expires_at = now(), revoked_at = now(), revoked_why = 'ended' where restaurant_id = $1",
  ],
  ['tokens', 'update qtable.staff set token_generation = token_generation + 1 where restaurant_id = $1'],
  ['sign-in gone', 'delete from qtable.sign_ins where restaurant_id = $1'],
  [
    'staff gone',
    'with over as (delete from qtable.sign_ins where restaurant_id = $1) delete from qtable.staff where restaurant_id = $1',
  ],
  ['suspended', 'update qtable.restaurants set is_active = false where restaurant_id = $1'],
]

test('W8: whatever ends access is said by the database, and nothing else is', async () => {
  const house = await startApp()
  for (const [name, text] of ENDS) {
    const r = await house.restaurant()
    await r.signIn()
    expect(await saidIn(house, () => house.database.sql(text, [r.id])), name).toEqual([r.id])
    // Once more: nothing is any different.
    if (name !== 'revoked' && name !== 'tokens')
      expect(await saidIn(house, () => house.database.sql(text, [r.id])), name).toEqual([])
  }
  expect(await saidIn(house, () => house.database.sql('truncate qtable.sign_ins'))).toEqual([''])
  expect(await saidIn(house, () => house.database.sql('truncate qtable.staff cascade'))).toEqual([''])
  // Signing in and a day's work say nothing.
  const other = await house.restaurant()
  const quiet = await saidIn(house, async () => {
    const signedIn = await other.signIn()
    await house.call('POST', '/v2/refresh', { refreshToken: signedIn.refreshToken })
    await other.walkIn()
    await other.v2('PATCH', `/staff/${other.staffId}`, { firstName: 'Ada' })
    await house.database.sql('update qtable.restaurants set name = $2 where restaurant_id = $1', [other.id, 'Cedar'])
    await house.restaurant()
  })
  expect(quiet).toEqual([])
  await house.close()
})

/** A review that looks only when it is told or every so many milliseconds, and counts its questions. */
function reviewOf(house: TestApp, everyMillis: number) {
  const counted = { questions: 0 }
  const statement = (name: string) => void (name === 'read-over' && counted.questions++)
  const db = house.database.db.until(goneAt(new AbortController().signal), { statement, transaction: () => undefined })
  const review = new AccessReview(db, house.app.identities, house.app.server.log as Logger, everyMillis)
  return { review, counted }
}

const NEVER = 3_600_000

test('W8: what the database says is acted on at once, for the restaurant that it is about', async () => {
  const house = await startApp()
  const [r, other] = [await house.restaurant(), await house.restaurant()]
  const { review, counted } = reviewOf(house, NEVER)
  await expect.poll(() => review.figures.isHearing).toBe(true)
  await review.review()
  const [gone, stays] = [
    openAccess(review, r.id, r.staffId, 'owner'),
    openAccess(review, other.id, other.staffId, 'owner'),
  ]
  await house.database.sql('update qtable.staff set is_active = false where id = $1', [r.staffId])
  await expect.poll(() => gone.closed).toBe(1)
  expect([stays.closed, review.figures.people]).toEqual([0, 1])
  // While it is deaf nothing is said to it; what happened meanwhile it finds when it hears again.
  await house.database.sql(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'qtable notices'`,
  )
  await expect.poll(() => review.figures.isHearing).toBe(false)
  await house.database.sql('update qtable.staff set is_active = false where id = $1', [other.staffId])
  await expect.poll(() => stays.closed).toBe(1)
  expect(counted.questions).toBeGreaterThan(0)
  await review.close()
  await house.close()
})

test('W8: while the database is heard, those who stay are not asked about again and again; who comes is, once', async () => {
  const house = await startApp()
  const r = await house.restaurant()
  await house.database.sql('update qtable.staff set is_active = false where id = $1', [r.staffId])
  const { review, counted } = reviewOf(house, 20)
  await expect.poll(() => review.figures.isHearing).toBe(true)
  const host = (await house.restaurant()).staffId
  const stays = openAccess(review, r.id, host, 'owner')
  // As one who is let in by what was known of them a moment ago.
  const late = openAccess(review, r.id, r.staffId, 'owner')
  await expect.poll(() => late.closed).toBe(1)
  expect(stays.closed).toBe(0)
  const before = counted.questions
  await new Promise((resolve) => setTimeout(resolve, 20 * (limits.seldomReviewTicks - 2)))
  expect(counted.questions - before).toBeLessThanOrEqual(1)
  await expect.poll(() => counted.questions).toBeGreaterThan(before)
  await review.close()
  await house.close()
})

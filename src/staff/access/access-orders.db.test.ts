import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { openAccess } from '../../../test/access.ts'
import { HeldReads } from '../../../test/held-reads.ts'
import { openDatabase, type TestDatabase } from '../../../test/kit.ts'
import { openParts, type House, type Parts } from '../../../test/parts.ts'
import { until } from '../../../test/process/processes.ts'
import { claimsOf } from '../../../test/sign-ins.ts'
import { limits } from '../../platform/limits.ts'
import { createLog } from '../../platform/observability/log.ts'
import { AccessReview } from './access-review.ts'
import { endSignIn } from '../sign-ins/end-sign-in.ts'
import { Identities } from './identify.ts'
import { upTo } from '../../../test/patience.ts'

/** Rare orders of events at the review of access: what comes and goes while it looks, and looks that fail. */

vi.setConfig({ testTimeout: upTo(5_000) })

const NEVER_MILLIS = 2_000_000_000
let database: TestDatabase
let parts: Parts
let db: HeldReads
let r: House
let identities: Identities
let review: AccessReview

beforeAll(async () => {
  database = await openDatabase(5)
  parts = openParts(database.db)
  db = new HeldReads({ url: database.url, poolSize: 5 })
})
afterAll(async () => {
  parts.close()
  await db.close()
  await database.close()
})
beforeEach(async () => {
  r = await parts.house()
  identities = new Identities(db, parts.tokens)
  review = new AccessReview(db, identities, createLog('silent'), NEVER_MILLIS)
  await until(() => review.figures.isHearing)
  await review.review()
})
afterEach(async () => {
  vi.useRealTimers()
  db.letAll()
  await review.close()
})

const sql = (text: string, values: unknown[] = [r.staffId]) => database.sql(text, values)
const setActive = (isActive: boolean) => sql(`update qtable.staff set is_active = ${isActive} where id = $1`)
const open = (signInId: string | null = null) => openAccess(review, r.id, r.staffId, 'owner', signInId)
async function held(): Promise<void> {
  await expect.poll(() => db.held).toBeGreaterThan(0)
}

test('W8: of several sockets of one sign-in one leaves, and the others still end with it', async () => {
  const { refreshToken, accessToken } = await parts.signIn(r)
  const { sid } = claimsOf(accessToken) as { sid: string }
  const [first, second, third, other] = [open(sid), open(sid), open(sid), open()]
  first.leave()
  first.leave()
  expect(review.figures.people).toBe(2)
  await endSignIn(parts, refreshToken)
  await expect.poll(() => [second.closed, third.closed]).toEqual([1, 1])
  expect([first.closed, other.closed, review.figures.people]).toEqual([0, 0, 1])
  other.leave()
  other.leave()
  expect(review.figures.people).toBe(0)
})

test('W8: who comes or goes during a look is not closed by what it says', async () => {
  const [stays, leaves] = [open(), open()]
  db.hold('read-over')
  await setActive(false)
  await held()
  leaves.leave()
  await setActive(true)
  const late = open()
  db.letAll()
  await expect.poll(() => stays.closed).toBe(1)
  await review.review()
  expect([leaves.closed, late.closed, review.figures.people]).toEqual([0, 0, 1])
})

test('W8: a look that failed is made up for by the next, whoever that is about', async () => {
  const other = await parts.house()
  const gone = open()
  openAccess(review, other.id, other.staffId, 'owner')
  await review.review()
  db.fail()
  await setActive(false)
  await expect.poll(() => db.failing).toBe(0)
  expect(gone.closed).toBe(0)
  await sql(`select pg_notify('qtable_access', $1)`, [other.id])
  await expect.poll(() => gone.closed).toBe(1)
})

test('W8: what is said of a restaurant asks about its people alone; what is said of none, about everybody', async () => {
  const other = await parts.house()
  const here = open()
  const there = openAccess(review, other.id, other.staffId, 'manager')
  const looks = () => db.asked.get('read-over') ?? 0
  const before = looks()
  await sql(`select pg_notify('qtable_access', $1)`, [r.id])
  await expect.poll(looks).toBe(before + 1)
  // Both have just come, so both are looked at: the manager is an owner by now.
  await expect.poll(() => there.closed).toBe(1)
  const again = openAccess(review, other.id, other.staffId, 'owner')
  await review.review()
  await sql(`update qtable.sign_ins set used_at = now() where staff_id = $1`)
  await sql(`alter table qtable.staff disable trigger all`, [])
  await sql(`update qtable.staff set is_active = false where id = any ($1::uuid[])`, [[r.staffId, other.staffId]])
  await sql(`alter table qtable.staff enable trigger all`, [])
  await sql(`select pg_notify('qtable_access', $1)`, [r.id])
  await expect.poll(() => here.closed).toBe(1)
  expect(again.closed).toBe(0)
  await sql(`select pg_notify('qtable_access', '')`, [])
  await expect.poll(() => again.closed).toBe(1)
})

test('W8: more people than one question takes are all looked at', async () => {
  const ids = Array.from(
    { length: limits.reviewIds + 1 },
    (_, n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  )
  const opened = ids.map((id) => openAccess(review, r.id, id, 'host'))
  const here = open()
  await review.review()
  expect(opened.filter(({ closed }) => closed !== 1)).toEqual([])
  expect([here.closed, review.figures.people]).toEqual([0, 1])
})

test('W8, A11: what belongs to an older generation of tokens ends, in another role too, and the newer stays', async () => {
  const older = open()
  await sql('update qtable.staff set token_generation = token_generation + 1 where id = $1')
  await expect.poll(() => older.closed).toBe(1)
  const newer = openAccess(review, r.id, r.staffId, 'owner', null, 1)
  const host = openAccess(review, r.id, r.staffId, 'host', null, 1)
  await review.review()
  expect([newer.closed, host.closed, older.closed, review.figures.people]).toEqual([0, 1, 1, 1])
})

test('W8, A7: who is closed is no longer remembered', async () => {
  const gone = open()
  await identities.admit(r.token, 'own')
  expect(identities.admitKnown(r.token, r.id)).not.toBeNull()
  await setActive(false)
  await expect.poll(() => gone.closed).toBe(1)
  expect(identities.admitKnown(r.token, r.id)).toBeNull()
})

/** Makes somebody inactive without a word of the database. */
async function endSilently(): Promise<void> {
  await sql('alter table qtable.staff disable trigger all', [])
  await setActive(false)
  await sql('alter table qtable.staff enable trigger all', [])
}

test('W8: a look at everybody finds who ended without a word, and so does the first one after it was deaf', async () => {
  const gone = open()
  await review.review()
  await endSilently()
  await review.review()
  expect(gone.closed).toBe(1)
  await setActive(true)
  const again = open()
  await review.review()
  await sql(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'qtable notices'`,
    [],
  )
  await until(() => !review.figures.isHearing)
  await endSilently()
  expect(again.closed).toBe(0)
  await until(() => again.closed === 1)
})

test('W8: who left with all they had while they were asked about keeps nobody else from being closed', async () => {
  const other = await parts.house()
  const [leaves, stays] = [openAccess(review, other.id, other.staffId, 'owner'), open()]
  db.hold('read-over')
  await sql('update qtable.staff set is_active = false where id = any ($1::uuid[])', [[r.staffId, other.staffId]])
  await held()
  leaves.leave()
  db.letAll()
  await expect.poll(() => stays.closed).toBe(1)
  expect([leaves.closed, review.figures.people]).toEqual([0, 0])
})

test('W8: who has come is looked at the next time; everybody seldom where the database is heard, and each time where it is not', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const TICK_MILLIS = 10
  const ticking = new AccessReview(db, identities, createLog('silent'), TICK_MILLIS)
  await until(() => ticking.figures.isHearing)
  await ticking.review()
  const looks = () => db.asked.get('read-over') ?? 0
  const tick = async (times: number) => {
    for (let n = 0; n < times; n++) vi.advanceTimersByTime(TICK_MILLIS)
    // What a look asks comes before this.
    await sql('select 1', [])
  }
  const begun = looks()
  const first = openAccess(ticking, r.id, r.staffId, 'owner')
  await tick(1)
  expect(looks()).toBe(begun + 1)
  await endSilently()
  await tick(limits.seldomReviewTicks - 2)
  expect([looks(), first.closed]).toEqual([begun + 1, 0])
  await tick(1)
  await expect.poll(() => first.closed).toBe(1)
  expect(looks()).toBe(begun + 2)
  // Deaf: each time.
  await setActive(true)
  const second = openAccess(ticking, r.id, r.staffId, 'owner')
  await tick(1)
  expect(second.closed).toBe(0)
  await sql(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name = 'qtable notices'`,
    [],
  )
  await until(() => !ticking.figures.isHearing)
  await endSilently()
  await tick(1)
  await expect.poll(() => second.closed).toBe(1)
  // And never again.
  const third = openAccess(ticking, r.id, r.staffId, 'owner')
  await ticking.close()
  const ended = looks()
  await tick(2 * limits.seldomReviewTicks)
  expect([ticking.figures, third.closed, looks()]).toEqual([{ people: 0, isHearing: false }, 0, ended])
})

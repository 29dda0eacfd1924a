import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectRefused, hashOf, openSignIns, type SignIns } from '../../../test/sign-ins.ts'
import { TEST_PASSWORD } from '../../../test/kit.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { upTo } from '../../../test/patience.ts'

/** Refreshes and changes of a password at once, on two processes over one database. */

let signIns: SignIns
let one: SignIns['one']
let two: SignIns['two']
let refresh: SignIns['refresh']
beforeAll(async () => {
  signIns = await openSignIns()
  ;({ one, two, refresh } = signIns)
})
afterAll(() => signIns.close())

interface State {
  readonly current: number
  readonly previous: number | null
  readonly repeats: number
  readonly over: boolean
}

/** What one use of a token does, by the rules. Tokens are numbers; `made` is the one that it would be answered with. */
function used(state: State, token: number, made: number): { readonly state: State; readonly ok: boolean } {
  if (state.over) return { state, ok: false }
  if (token === state.current) return { state: { current: made, previous: token, repeats: 0, over: false }, ok: true }
  if (token === state.previous && state.repeats < limits.refreshRepeats)
    return { state: { ...state, current: made, repeats: state.repeats + 1 }, ok: true }
  return { state: { ...state, over: true }, ok: false }
}

function ordersOf<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, i) => ordersOf(items.toSpliced(i, 1)).map((rest) => [item, ...rest]))
}

const RACES = Number(process.env['RACES'] ?? 50)
const SEED = Number(process.env['RACES_SEED'] ?? randomInt(2 ** 31))

test(
  `A6: whatever is refreshed at once, it is as if one came after the other, seed ${SEED}, ${RACES} rounds`,
  { timeout: upTo(600_000) },
  async () => {
    let seed = SEED
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff
      return Math.floor((seed / 0x80000000) * below)
    }
    const r = await one.restaurant()
    const tally = { requests: 0, answered: 0, over: 0 }
    let tokens: string[] = []
    let state: State = { current: 0, previous: null, repeats: 0, over: true }
    for (let round = 0; round < RACES; round++) {
      if (state.over) {
        tokens = [(await r.signIn()).refreshToken]
        state = { current: 0, previous: null, repeats: 0, over: false }
      }
      const { sid } = (
        await one.database.sql<{ sid: string }>(
          'select id as sid from qtable.sign_ins where restaurant_id = $1 order by created_at desc limit 1',
          [r.id],
        )
      )[0]!
      // Mostly the current token and the one before it, now and then any that there ever was.
      const pick = () => {
        const dice = random(10)
        if (dice < 6 || state.previous === null) return state.current
        return dice < 9 ? state.previous : random(tokens.length)
      }
      const sent = Array.from({ length: 1 + random(4) }, (_, i) => ({ i, token: pick() }))
      const answers = await Promise.all(sent.map(({ token }) => refresh(tokens[token]!, random(2) ? one : two)))
      tally.requests += sent.length
      const base = tokens.length
      tokens.push(...answers.map(({ status, body }) => (status === 200 ? (body.refreshToken as string) : 'none')))
      tally.answered += answers.filter(({ status }) => status === 200).length
      for (const answer of answers) if (answer.status !== 200) expectRefused(answer)
      const row = (await one.database.sql('select * from qtable.sign_ins where id = $1', [sid]))[0]!
      const current = tokens.findIndex((token) => hashOf(token).equals(row['token_hash'] as Buffer))
      // Some order of them gives these answers and this row.
      const ends = ordersOf(sent).flatMap((order) => {
        let now = state
        for (const { i, token } of order) {
          const next = used(now, token, base + i)
          if (next.ok !== (answers[i]!.status === 200)) return []
          now = next.state
        }
        const isSo = now.over === (row['revoked_at'] !== null) && now.current === current
        return isSo && now.repeats === row['previous_repeats'] ? [now] : []
      })
      expect(ends.length, `round ${round} of seed ${SEED}: ${JSON.stringify({ state, sent })}`).toBeGreaterThan(0)
      state = ends[0]!
      if (state.over) tally.over++
    }
    process.stdout.write(`races of refreshes: seed ${SEED}, ${RACES} rounds, ${JSON.stringify(tally)}\n`)
    expect(tally.answered).toBeGreaterThan(RACES / 2)
    expect(tally.over).toBeGreaterThan(RACES / 20)
  },
)

test('A6: as many at once as may repeat are all answered, and one of them goes on', async () => {
  const r = await one.restaurant()
  for (let i = 0; i < 10; i++) {
    const { refreshToken } = await r.signIn()
    const all = await Promise.all(
      Array.from({ length: limits.refreshRepeats + 1 }, (_, n) => refresh(refreshToken, n % 2 ? one : two)),
    )
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200))
    expectRefused(await refresh(refreshToken))
  }
})

test('A5, A11: a sign-in that begins with the old password while it is changed is none afterwards', async () => {
  const r = await one.restaurant()
  for (let i = 0; i < 15; i++) {
    const [email, old, now] = [`${newId()}@cedar.example`, 'Old-Password', 'New-Password']
    const { id } = (await r.v2('POST', '/staff', { email, password: old, role: 'host' })).body.result
    const [changed, ...answers] = await Promise.all([
      r.v2('PATCH', `/staff/${id}`, { password: now, currentPassword: TEST_PASSWORD }),
      ...[one, two, one, two].map((app) => app.call('POST', '/v2/sign-in', { email, password: old })),
    ])
    expect(changed.status).toBe(200)
    for (const { status, body } of answers) {
      expect([200, 401]).toContain(status)
      if (status === 200) expectRefused(await refresh(body.refreshToken))
    }
    const live = 'select 1 from qtable.sign_ins where staff_id = $1 and revoked_at is null'
    expect(await one.database.sql(live, [id])).toEqual([])
    expect((await one.call('POST', '/v2/sign-in', { email, password: now })).status).toBe(200)
  }
})

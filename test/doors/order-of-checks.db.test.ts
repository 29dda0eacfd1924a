import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import { limits } from '../../src/platform/limits.ts'
import { addressOf, goodAddress, goodBody, operations, titleOf, type Ids, type Operation } from './operations.ts'
import { Raw } from './raw.ts'
import { fieldsOf, present, withValue } from './schemas.ts'
import { openTrial, type Trial } from './trial.ts'

/** Where several things are wrong with a request, the same one is told first. */

let trial: Trial
beforeAll(async () => {
  trial = await openTrial()
})
afterAll(() => trial.close())

const withBody = operations.filter((op) => op.body)

describe('A3: the order of checks', () => {
  for (const op of withBody.filter(({ isPublic }) => !isPublic)) {
    test(`A3: ${titleOf(op)}`, async () => {
      const namesRestaurant = op.access === 'restaurant' || op.access === 'query'
      const invalidBody = JSON.stringify(present(op.body!).type === 'array' ? [5] : badFirst(op))
      const good = { authorization: `Bearer ${trial.restaurant.token}` }
      const ask = async (body: string, headers: Record<string, string>, of: Partial<Ids> = {}) =>
        (await trial.app.call(op.method, goodAddress(op, { ...trial.ids, ...of }), body, headers)).status
      const elsewhere = { restaurant: newId() }
      const [syntax, tokenless, foreign] = op.door === 'v2' ? [400, 401, 404] : [422, 403, 403]
      expect(await ask('{', {}, elsewhere), 'syntax before token').toBe(syntax)
      const large = '{'.repeat(limits.openBodyBytes + 1)
      expect(await ask(large, {}, elsewhere), 'a large body waits for the token').toBe(tokenless)
      expect(await ask(large, { authorization: 'Bearer nope' }, elsewhere), 'and for a good one').toBe(401)
      expect(await ask(large, good, elsewhere), 'then its syntax is looked at').toBe(syntax)
      expect(await ask(invalidBody, {}, elsewhere), 'token before restaurant').toBe(tokenless)
      expect(await ask(invalidBody, { authorization: 'Bearer nope' }), 'token before fields').toBe(401)
      if (namesRestaurant) expect(await ask(invalidBody, good, elsewhere), 'restaurant before fields').toBe(foreign)
      const nobody = { guest: newId(), table: newId(), reservation: newId(), staff: newId() }
      expect(await ask(invalidBody, good, nobody), 'fields before handler').toBe(422)
    })
  }

  for (const op of operations.filter(({ access }) => access === 'query')) {
    test(`A3: restaurant_id of ${titleOf(op)}`, async () => {
      const body = op.body && Raw.write(goodBody(op, trial.ids))
      const ask = (query: string, headers: Record<string, string>, text = body) =>
        trial.app.call(op.method, addressOf(op, {}, query), text, headers)
      const good = { authorization: `Bearer ${trial.restaurant.token}` }
      const rest = op.name === 'syncDelta' ? '&since=2026-01-01T00:00:00Z' : ''
      // As recorded: one that is missing is told twice, before all else that is wrong, once the token is good.
      const item = { type: 'missing', loc: ['query', 'restaurant_id'], msg: 'Field required', input: null }
      for (const query of ['', 'limit=x', 'Restaurant_ID=x']) {
        for (const text of [body, ...(body ? ['{}', 'null'] : [])]) {
          const missing = await ask(query, good, text)
          expect(missing.status).toBe(422)
          expect(missing.body.detail.slice(0, 2)).toMatchObject([item, item])
          expect(missing.body.detail[0]).toEqual(missing.body.detail[1])
        }
        expect((await ask(query, {})).status).toBe(403)
        expect((await ask(query, { authorization: 'Bearer nope' })).status).toBe(401)
        if (body) expect((await ask(query, good, '{')).body.detail).toMatchObject([{ type: 'json_invalid' }])
      }
      for (const id of ['', 'nope', newId(), trial.restaurant.id.toUpperCase()]) {
        const foreign = await ask(`restaurant_id=${id}&limit=x`, good)
        expect([foreign.status, foreign.body]).toEqual([403, { detail: 'Access denied to this restaurant' }])
      }
      // Of two the last one counts: for the check as for the answer.
      const [mine, other] = [`restaurant_id=${trial.restaurant.id}`, `restaurant_id=${newId()}`]
      expect((await ask(`${mine}&${other}${rest}`, good)).status).toBe(403)
      expect((await ask(`${other}&${mine}${rest}`, good)).status).toBe(200)
    })
  }
})

/** The good body with its first field made wrong. */
function badFirst(op: Operation): unknown {
  const field = fieldsOf(op.body!)[0]
  // A body without fields has none that are not its own.
  if (!field) return { wrong: true }
  return withValue(op.body!, goodBody(op, trial.ids), field.place, { wrong: true })
}

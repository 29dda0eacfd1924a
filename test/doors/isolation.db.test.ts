import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import { commands, floorReads, nativeRoutes, queries, routes } from '../../src/app.ts'
import { entityOf, operations, pathOf, titleOf, type Operation } from './operations.ts'
import { forEachKind } from './one-of-each.ts'
import { bodyOf, NOWHERE, openRivals, plainAnswer, type Rivals } from './rivals.ts'

/** One restaurant tries everything it can name of another. Iterates what app.ts lists, so a new route is tried by being listed. */

let rivals: Rivals
beforeAll(async () => {
  rivals = await openRivals()
})
afterAll(() => rivals.close())

const pathIds = (op: Operation) => Object.keys(pathOf(op, NOWHERE))
/** Operations that name their restaurant, in the path or in the query. */
const withRestaurant = operations.filter(({ access }) => access === 'restaurant' || access === 'query')

test('N3: every route, command and query of app.ts is tried here', () => {
  const names = [...routes, ...nativeRoutes, ...commands, ...queries, ...floorReads].map(({ name }) => name)
  expect(operations.map(({ name }) => name).sort()).toEqual(names.sort())
  const naming = routes.filter(({ access }) => access === 'restaurant' || access === 'query')
  expect(withRestaurant.map(({ name }) => name).sort()).toEqual(
    [...naming, ...commands, ...queries, ...floorReads].map(({ name }) => name).sort(),
  )
  // Each says it where its access says: in the path, or in the query.
  for (const op of withRestaurant) {
    const places = op.parameters.filter(({ name }) => entityOf(name, op) === 'restaurant').map(({ in: where }) => where)
    expect(places, titleOf(op)).toEqual([op.access === 'query' ? 'query' : 'path'])
  }
})

describe('N3, P7, W2: another restaurant in the path or the query', () => {
  for (const op of withRestaurant) {
    test(`N3, P7: ${titleOf(op)}`, async () => {
      const ownIds = await rivals.freshIds(rivals.mine)
      const named = {
        ...forEachKind((kind) => rivals.theirIds[kind]![0]!),
        guest: rivals.theirIds['guest']![1]!,
        table: rivals.theirIds['table']![1]!,
      }
      await rivals.unchanged(op, async () => {
        for (const [token, restaurant] of [
          [rivals.mine.token, rivals.theirs.id],
          [rivals.theirs.token, rivals.mine.id],
        ] as const) {
          for (const ids of [ownIds, { ...ownIds, ...named }]) {
            const sentIds = [restaurant, ...Object.values(forEachKind((kind) => ids[kind]))]
            for (const body of op.body ? [bodyOf(op, ids), { made: 'up' }, undefined] : [undefined]) {
              const foreign = await rivals.send(op, token, { ...ids, restaurant }, { body })
              const nowhere = newId()
              const unknown = await rivals.send(op, token, { ...ids, restaurant: nowhere }, { body })
              expect(foreign.status).toBe(op.door === 'ios' ? 403 : 404)
              expect(plainAnswer(foreign, restaurant)).toEqual(plainAnswer(unknown, nowhere))
              // To them their own restaurant is no secret; to me nothing of theirs may be shown.
              if (token === rivals.mine.token) rivals.expectNothingOfTheirs(foreign, sentIds)
              rivals.count(`foreign restaurants in ${op.access === 'query' ? 'queries' : 'paths'}`)
            }
          }
        }
      })
    })
  }
})

describe("N3, P7, W2: another restaurant's entity in the path", () => {
  for (const op of withRestaurant) {
    for (const name of pathIds(op).filter((each) => each !== 'restaurantId')) {
      test(`N3, P7: ${name} of ${titleOf(op)}`, async () => {
        await rivals.expectDoneWithOwn(op)
        const ids = await rivals.freshIds(rivals.mine)
        await rivals.unchanged(op, async () => {
          const ask = (id: string) =>
            rivals.send(op, rivals.mine.token, ids, { params: { [name]: id }, body: bodyOf(op, ids) })
          const nowhere = newId()
          const unknown = await ask(nowhere)
          expect(unknown.status).toBe(404)
          for (const id of Object.values(rivals.theirIds).flat()) {
            const foreign = await ask(id)
            expect(plainAnswer(foreign, id)).toEqual(plainAnswer(unknown, nowhere))
            rivals.expectNothingOfTheirs(foreign, [id])
            rivals.count('foreign entities in paths')
          }
        })
      })
    }
  }
})

test('N3: whatever is asked with an own token shows nothing of another restaurant', async () => {
  for (const op of operations) {
    const ids = await rivals.freshIds(rivals.mine)
    const answer = await rivals.send(op, rivals.mine.token, ids, { body: bodyOf(op, ids) })
    rivals.expectNothingOfTheirs(answer, [])
    rivals.count('own answers')
  }
  // The secrets are such that their owner does see them: looking for them can fail.
  const theirEpoch: string = (await rivals.theirs.v2('GET', '/snapshot')).body.epoch
  for (const [door, path] of [
    ['call', '/guests'],
    ['v2', '/tables'],
    ['call', '/reservations'],
    ['v2', '/reservations'],
    ['v2', '/floor'],
    ['v2', '/snapshot'],
    ['v2', `/changes?epoch=${theirEpoch}&since=0`],
    ['call', '/dashboard-data'],
  ] as const) {
    const seen = await rivals.theirs[door]('GET', path)
    expect(() => rivals.expectNothingOfTheirs(seen, []), path).toThrow(/Zq7Mark|to deeply equal/)
  }
})

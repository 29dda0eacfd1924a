import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import { startApp, type Answer, type Restaurant, type TestApp } from '../kit.ts'
import { expectRefusal } from './refusals.ts'

/** What a refusal of the native API says, and what a repeat does. */

let app: TestApp
let restaurant: Restaurant
beforeAll(async () => {
  app = await startApp()
  restaurant = await app.restaurant()
})
afterAll(() => app.close())

describe('N2: refusals of the native API', () => {
  test('N2: say what they are in RFC 9457, with a request id of their own', async () => {
    const first = await restaurant.v2('POST', '/tables', {})
    const second = await restaurant.v2('POST', '/tables', {})
    expectRefusal({ door: 'v2' }, first, 'an empty table')
    const { requestId, problems, ...rest } = first.body
    expect(rest).toEqual({
      type: 'urn:qtable:invalid-input',
      title: 'The input of add-table has problems',
      status: 422,
      code: 'invalid-input',
    })
    expect(problems.map(({ path }: { path: string[] }) => path.join('.')).sort()).toEqual([
      'capacity',
      'number',
      'x',
      'y',
    ])
    expect(second.body.requestId).not.toBe(requestId)
  })

  test('N2: carry the table or the guest as it is now', async () => {
    const table = await restaurant.table('N2', 2)
    const [ada, bob, big] = [
      await restaurant.walkIn('Ada'),
      await restaurant.walkIn('Bob'),
      await restaurant.walkIn('Big', 9),
    ]
    const now = async (kind: 'guests' | 'tables', id: string): Promise<unknown> =>
      (await restaurant.v2('GET', `/${kind}`)).body.result.find((each: { id: string }) => each.id === id)
    const expectConflict = async (answer: Answer, code: string, kind: 'guest' | 'table', id: string) => {
      expectRefusal({ door: 'v2' }, answer, code)
      expect([answer.status, answer.body.code]).toEqual([409, code])
      expect(answer.body[kind]).toEqual(await now(`${kind}s`, id))
    }
    const seat = (guest: string) => restaurant.v2('POST', `/guests/${guest}/seat`, { tableId: table })
    await expectConflict(await seat(big), 'over-capacity', 'table', table)
    expect((await seat(ada)).status).toBe(200)
    await expectConflict(await seat(bob), 'table-not-free', 'table', table)
    await expectConflict(await restaurant.v2('DELETE', `/tables/${table}`), 'table-occupied', 'table', table)
    await expectConflict(await seat(ada), 'guest-not-waiting', 'guest', ada)
    const stale = { version: 1 }
    await expectConflict(await restaurant.v2('PATCH', `/tables/${table}`, stale), 'version-conflict', 'table', table)
    await expectConflict(await restaurant.v2('PATCH', `/guests/${ada}`, stale), 'version-conflict', 'guest', ada)
    const moved = await restaurant.v2('POST', `/guests/${bob}/move`, { tableId: table })
    await expectConflict(moved, 'guest-not-seated', 'guest', bob)
    await restaurant.v2('POST', `/guests/${bob}/status`, { status: 'cancelled' })
    const seated = await restaurant.v2('POST', `/guests/${bob}/status`, { status: 'seated' })
    await expectConflict(seated, 'status-order', 'guest', bob)
    const again = await restaurant.v2('POST', '/tables', { number: 'N2', capacity: 2, x: 0, y: 0 })
    expectRefusal({ door: 'v2' }, again, 'a number that is taken')
    expect(again.body).toMatchObject({ status: 409, code: 'table-number-taken', number: 'N2' })
  })

  test('N2: let no field of a request take the place of a member', async () => {
    const evil = { type: 'x', status: 200, code: 'x', title: 'x', requestId: 'x' }
    const answer = await restaurant.v2('POST', '/tables', evil)
    expectRefusal({ door: 'v2' }, answer, 'evil')
    expect(answer.status).toBe(422)
  })

  test('N1, N2, L5: a repeat says so and gives the same answer', async () => {
    const headers = { 'idempotency-key': newId() }
    const body = { number: 'twice', capacity: 2, x: 0, y: 0 }
    const first = await restaurant.v2('POST', '/tables', body, headers)
    const second = await restaurant.v2('POST', '/tables', body, headers)
    expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([200, null])
    expect([second.status, second.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
    expect(second.body).toEqual(first.body)
    const reused = await restaurant.v2('POST', '/tables', { ...body, capacity: 3 }, headers)
    expectRefusal({ door: 'v2' }, reused, 'a reused key')
    expect(reused.body.code).toBe('mutation-id-reused')
    const ios = { ...headers, authorization: `Bearer ${restaurant.token}` }
    const old = await app.call(
      'POST',
      `/restaurants/${restaurant.id}/guests`,
      { first_name: 'Ada', party_size: 2 },
      ios,
    )
    expectRefusal({ door: 'ios' }, old, 'a reused key')
    expect([old.status, old.body.detail[0].loc]).toEqual([422, ['header', 'idempotency-key']])
  })
})

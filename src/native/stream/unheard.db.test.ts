import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startApp, type Answer, type Restaurant, type TestApp } from '../../../test/kit.ts'

/** What a request says counts or is refused: a guard, a parameter or a field is never passed over. */

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
})
beforeEach(async () => {
  r = await app.restaurant()
})
afterAll(() => app.close())

/** Adds a guest and a table; the addresses that delete them, and the version each has. */
async function deletable(): Promise<readonly string[]> {
  return [`/guests/${await r.walkIn()}`, `/tables/${await r.table('1')}`]
}

test('N9: the version that guards a DELETE counts in the query and in the body; where both are sent they agree', async () => {
  for (const path of await deletable()) {
    for (const [query, body] of [
      ['?version=99', undefined],
      ['', { version: 99 }],
      ['?version=99', { version: 99 }],
    ] as const)
      expect(await r.v2('DELETE', path + query, body), path).toMatchObject({
        status: 409,
        body: { code: 'version-conflict', current: { version: 1 } },
      })
    expect(await r.v2('DELETE', `${path}?version=1`, { version: 2 })).toMatchObject({
      status: 422,
      body: { code: 'invalid-input', problems: [{ path: ['version'] }] },
    })
    for (const query of ['version=', 'version=x', 'version=1.5', 'version=0', 'version=1&version=1', 'Version=1'])
      expect((await r.v2('DELETE', `${path}?${query}`)).status, query).toBe(422)
    expect((await r.v2('DELETE', `${path}?version=1`, { version: 1 })).status).toBe(200)
  }
})

const named = (answer: Answer): unknown => answer.body.problems?.map(({ path }: { path: string[] }) => path.join('.'))

test('N9: a query parameter that a request has no use for is refused by its name', async () => {
  const [guest] = await deletable()
  const { epoch } = (await r.v2('GET', '/snapshot')).body
  const all: readonly (readonly [string, string, unknown?])[] = [
    ['PATCH', `${guest}?version=99`, { notes: 'x' }],
    ['POST', '/guests?force=true', { firstName: 'Ada', partySize: 2 }],
    ['DELETE', `${guest}?force=true`],
    ['GET', '/guests?histroyDays=0'],
    ['GET', '/tables?status=available'],
    ['GET', `${guest}?version=1`],
    ['GET', `${guest}?guestId=x`],
    ['GET', '/snapshot?epoch=x'],
    ['GET', `/changes?epoch=${epoch}&since=0&limt=1`],
  ]
  for (const [method, path, body] of all) {
    const answer = await r.v2(method, path, body)
    const name = /[?&](\w+)=[^&]*$/.exec(path)![1]
    expect([path, answer.status, answer.body.code, named(answer)]).toEqual([path, 422, 'invalid-input', [name]])
  }
  const authorization = { authorization: `Bearer ${r.token}` }
  for (const [method, path, body] of [
    ['GET', '/v2/me?x=1'],
    ['POST', '/v2/refresh?x=1', { refreshToken: 'none' }],
  ] as const) {
    const answer = await app.call(method, path, body, authorization)
    expect([answer.status, answer.body.code, named(answer)]).toEqual([422, 'invalid-input', ['x']])
  }
  expect((await r.v2('GET', `${guest}`)).body.result).toMatchObject({ version: 1, notes: null })
  expect((await r.v2('GET', '/guests')).body.result).toHaveLength(1)
})

test('N9: a field that nobody knows is refused by its name, however deep it stands', async () => {
  const [guest] = await deletable()
  const id = guest!.split('/')[2]!
  const part = { command: 'update-guest', input: { guestId: id, notes: 'x', verson: 99 } }
  for (const [method, path, body, name] of [
    ['PATCH', guest, { notes: 'x', verson: 99 }, 'verson'],
    ['DELETE', guest, { verson: 99 }, 'verson'],
    ['PATCH', guest, { notes: 'x', guestId: '00000000-0000-4000-8000-000000000000' }, 'guestId'],
    ['POST', '/guests', { firstName: 'Ada', partySize: 2, notse: 'x' }, 'notse'],
    ['POST', '/batch', { operations: [part] }, 'operations.0.input.verson'],
    ['POST', '/batch', { operations: [{ ...part, input: { guestId: id }, force: true }] }, 'operations.0.force'],
    ['POST', '/each', { operations: [part] }, 'operations.0.input.verson'],
    ['POST', '/tables/arrange', { tables: [{ number: '7', capasity: 2 }] }, 'tables.0.capasity'],
  ] as const) {
    const answer = await r.v2(method, path!, body)
    expect([path, answer.status, answer.body.code, named(answer)]).toEqual([path, 422, 'invalid-input', [name]])
  }
  expect((await r.v2('GET', guest!)).body.result).toMatchObject({ version: 1, notes: null })
  // What the path says may be said again.
  expect((await r.v2('PATCH', guest!, { guestId: id, notes: 'y' })).status).toBe(200)
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  openDevice,
  request,
  signIn,
  startApp,
  TEST_PASSWORD,
  type Answer,
  type Message,
  type Restaurant,
  type TestApp,
} from '../../test/kit.ts'
import { newId } from '../platform/ids.ts'
import { limits } from '../platform/limits.ts'
import type { SignedIn } from './sign-ins/start-sign-in.ts'

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp()
  r = await app.restaurant()
})
afterAll(() => app.close())

const PASSWORD = 'Plum-Cedar-72'
const currentPassword = TEST_PASSWORD

interface Colleague extends SignedIn {
  readonly email: string
  v2(method: string, path: string, body?: unknown): Promise<Answer>
}

/** A new member of staff, signed in. */
async function colleague(role: string, of = r): Promise<Colleague> {
  const email = `${role}-${newId()}@cedar.example`
  const made = await of.v2('POST', '/staff', {
    email,
    password: PASSWORD,
    role,
    ...(role === 'owner' && { currentPassword }),
  })
  expect(made.status, made.text).toBe(200)
  const signedIn = await signIn(app.base, email, PASSWORD)
  const authorization = { authorization: `Bearer ${signedIn.accessToken}` }
  const v2 = (method: string, path: string, body?: unknown) =>
    request(app.base, method, `/v2/restaurants/${of.id}${path}`, body, authorization)
  return { ...signedIn, email, v2 }
}
const refresh = (token: string) => app.call('POST', '/v2/refresh', { refreshToken: token })
const reasonOf = async (staffId: string) =>
  (
    await app.database.sql<{ revoked_why: string | null }>(
      'select revoked_why from qtable.sign_ins where staff_id = $1 order by created_at desc limit 1',
      [staffId],
    )
  )[0]!.revoked_why
const code = ({ status, body }: Answer) => [status, body.code]

test('A9: managers list staff, owners add and change them, hosts neither', async () => {
  const [host, manager, owner] = [await colleague('host'), await colleague('manager'), await colleague('owner')]
  const added = {
    email: `${newId()}@cedar.example`,
    password: PASSWORD,
    role: 'host',
    firstName: 'Ida',
    lastName: null,
  }
  for (const [who, lists, changes] of [
    [host, 403, 403],
    [manager, 200, 403],
    [owner, 200, 200],
  ] as const) {
    expect((await who.v2('GET', '/staff')).status).toBe(lists)
    expect((await who.v2('POST', '/staff', added)).status).toBe(changes)
    expect((await who.v2('PATCH', `/staff/${host.staffId}`, { firstName: 'Hal' })).status).toBe(changes)
  }
  const { result } = (await manager.v2('GET', '/staff')).body
  const ida = result.find(({ email }: { email: string }) => email === added.email)
  expect(ida).toEqual({
    id: expect.any(String),
    email: added.email,
    firstName: 'Ida',
    lastName: null,
    role: 'host',
    isActive: true,
    hasPin: false,
    version: 1,
    lastSignInAt: null,
    createdAt: expect.any(String),
    updatedAt: ida.createdAt,
  })
  expect(result.find(({ id }: { id: string }) => id === host.staffId)).toMatchObject({
    firstName: 'Hal',
    lastSignInAt: expect.any(String),
  })
})

test('A9: devices are told who works there, and of no e-mail, password or hash', async () => {
  const house = await app.restaurant()
  const device = await openDevice(app.base, `/v2/restaurants/${house.id}/stream`, { wait: false })
  device.ws.send(JSON.stringify({ type: 'hello', token: house.token }))
  await device.until((heard) => heard.some((message) => message['type'] === 'snapshot'))
  const body = { email: `${newId()}@cedar.example`, password: PASSWORD, role: 'host', firstName: 'Ana' }
  const { id } = (await house.v2('POST', '/staff', body)).body.result
  for (const change of [{ firstName: 'Anna' }, { password: 'Another-One-9' }, { role: 'manager' }, { isActive: false }])
    expect((await house.v2('PATCH', `/staff/${id}`, { ...change, currentPassword })).status).toBe(200)
  const last = {
    kind: 'staff',
    id,
    value: { firstName: 'Anna', role: 'manager', isActive: false, hasPin: false, version: 5 },
  }
  const entriesIn = (heard: readonly Message[]) =>
    heard.flatMap((message) => message['changes'] ?? []).flatMap(({ entries }) => entries)
  await device.until((heard) => entriesIn(heard).some(({ version }) => version === 5))
  const told = entriesIn(device.messages)
  expect(told.map(({ event }) => event)).toEqual(['created', 'edited', 'edited', 'edited', 'edited'])
  expect(told.at(-1)).toMatchObject(last)
  const { body: snapshot } = await house.v2('GET', '/snapshot')
  expect(snapshot.entities).toContainEqual(expect.objectContaining({ kind: 'staff', id: house.staffId }))
  expect(JSON.stringify([device.messages, snapshot])).not.toMatch(/@|argon|password|email/i)
  await device.close()
})

test('A9: an idempotency key has one effect whose record says nothing of the password', async () => {
  const key = { 'idempotency-key': newId() }
  const body = { email: `${newId()}@cedar.example`, password: PASSWORD, role: 'host' }
  const [first, second] = [await r.v2('POST', '/staff', body, key), await r.v2('POST', '/staff', body, key)]
  expect([first.status, second.body]).toEqual([200, first.body])
  expect(second.headers.get('idempotency-replayed')).toBe('true')
  const { id } = first.body.result
  expect((await r.v2('DELETE', `/staff/${id}/sign-ins`)).body).toEqual({ result: { ended: 0 }, seq: null, epoch: null })
  // The record says nothing of the password, and another one is another request all the same.
  const other = { 'idempotency-key': newId() }
  const set = (password: string) => r.v2('PATCH', `/staff/${id}`, { password, currentPassword }, other)
  expect((await set('One-Password-1')).status).toBe(200)
  const again = await set('One-Password-1')
  expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
  expect(code(await set('Two-Password-2'))).toEqual([422, 'mutation-id-reused'])
  const added = await r.v2('POST', '/staff', { ...body, password: 'Two-Password-2' }, key)
  expect(code(added)).toEqual([422, 'mutation-id-reused'])
  expect(await r.v2('POST', '/staff', body, key)).toMatchObject({ status: 200, body: first.body })
  const rows = await app.database.sql<{ row: string }>('select m::text as row from qtable.mutations m')
  expect(rows.filter(({ row }) => /Plum-Cedar|-Password-|argon2/.test(row))).toEqual([])
})

test('A9, A1: an e-mail is taken whatever its case and restaurant; passwords and e-mails have a form', async () => {
  const body = { email: `Ida-${newId()}@cedar.example`, password: PASSWORD, role: 'host' }
  expect((await r.v2('POST', '/staff', body)).status).toBe(200)
  const other = await app.restaurant()
  for (const each of [r, other]) {
    const taken = await each.v2('POST', '/staff', { ...body, email: body.email.toUpperCase() })
    expect(code(taken)).toEqual([409, 'email-taken'])
  }
  const fresh = () => `${newId()}@cedar.example`
  for (const wrong of [
    { email: 'nobody' },
    { email: 'a b@cedar.example' },
    { email: '@' },
    { email: fresh(), password: 'short12' },
    { email: fresh(), password: 'x'.repeat(limits.passwordCharacters + 1) },
    { email: fresh(), role: 'admin' },
    { email: fresh(), role: undefined },
  ])
    expect(code(await r.v2('POST', '/staff', { ...body, ...wrong })), JSON.stringify(wrong)).toEqual([
      422,
      'invalid-input',
    ])
  const unknown = await r.v2('PATCH', `/staff/${other.staffId}`, { firstName: 'x' })
  expect(code(unknown)).toEqual([404, 'staff-not-found'])
  expect(code(await r.v2('DELETE', `/staff/${newId()}/sign-ins`))).toEqual([404, 'staff-not-found'])
})

test('A9: a restaurant may have so many members of staff, and lists no more', async () => {
  const big = await app.restaurant()
  await app.database.sql(
    `insert into qtable.staff (restaurant_id, id, email, email_key, password_hash, role, is_active, created_at, updated_at)
     select restaurant_id, gen_random_uuid(), 'n' || n || email, 'n' || n || email, 'x', 'host', n % 2 = 0, now(), now()
     from qtable.staff, generate_series(1, ${limits.staffPerRestaurant - 1}) n where restaurant_id = $1`,
    [big.id],
  )
  const one = { email: `${newId()}@cedar.example`, password: PASSWORD, role: 'host' }
  expect(code(await big.v2('POST', '/staff', one))).toEqual([409, 'too-many-staff'])
  const { result } = (await big.v2('GET', '/staff')).body
  expect(result).toHaveLength(limits.staffPerRestaurant)
  const active = result.map(({ isActive }: { isActive: boolean }) => isActive)
  expect(active.lastIndexOf(true)).toBeLessThan(active.indexOf(false))
})

test('A10: the last active owner is neither demoted nor made inactive, until there is another', async () => {
  const house = await app.restaurant()
  const change = (id: string, body: object) => house.v2('PATCH', `/staff/${id}`, { ...body, currentPassword })
  const second = await colleague('owner', house)
  expect((await change(second.staffId, { isActive: false })).status).toBe(200)
  for (const body of [{ role: 'host' }, { isActive: false }, { role: 'manager', isActive: true, password: PASSWORD }]) {
    const refused = await change(house.staffId, body)
    expect(code(refused)).toEqual([409, 'last-owner'])
    expect(refused.body.staff).toMatchObject({ id: house.staffId, role: 'owner', isActive: true })
  }
  // What the inactive one is doesn't count, and what isn't the last owner's end is nobody's matter.
  expect((await change(second.staffId, { role: 'host' })).status).toBe(200)
  expect((await change(second.staffId, { role: 'owner' })).status).toBe(200)
  expect(code(await change(house.staffId, { role: 'host' }))).toEqual([409, 'last-owner'])
  expect((await change(house.staffId, { firstName: 'Olga' })).status).toBe(200)
  expect((await change(second.staffId, { isActive: true })).status).toBe(200)
  expect((await change(house.staffId, { role: 'host' })).status).toBe(200)
})

test('A10: owners who take each other away at once never take the last one away', async () => {
  for (let round = 0; round < 20; round++) {
    const house = await app.restaurant()
    const others = [await colleague('owner', house), await colleague('owner', house)]
    const all = [house.staffId, ...others.map(({ staffId }) => staffId)]
    const answers = await Promise.all(
      all.map((id, i) =>
        [house, ...others][(i + 1) % 3]!.v2('PATCH', `/staff/${id}`, i % 2 ? { role: 'host' } : { isActive: false }),
      ),
    )
    const left = await app.database.sql(
      `select 1 from qtable.staff where restaurant_id = $1 and role = 'owner' and is_active`,
      [house.id],
    )
    expect(left.length).toBeGreaterThan(0)
    for (const { status } of answers) expect([200, 409, 401, 403]).toContain(status)
    expect(answers.filter(({ status }) => status === 200).length).toBe(3 - left.length)
  }
})

test('A11: a new password, another role and being made inactive end the sign-ins, other changes do not', async () => {
  const stay = await colleague('host')
  for (const body of [{ firstName: 'Eva' }, { lastName: null }, { role: 'host' }, { isActive: true }, {}]) {
    expect((await r.v2('PATCH', `/staff/${stay.staffId}`, body)).status).toBe(200)
    expect(await reasonOf(stay.staffId)).toBe(null)
  }
  for (const [change, why] of [
    [{ password: 'Other-Plum-73' }, 'password-changed'],
    [{ role: 'manager' }, 'role-changed'],
    [{ isActive: false }, 'deactivated'],
    [{ isActive: false, password: 'Other-Plum-73' }, 'deactivated'],
  ] as const) {
    const [who, bystander] = [await colleague('host'), await colleague('host')]
    const second = await signIn(app.base, who.email, PASSWORD)
    expect((await r.v2('PATCH', `/staff/${who.staffId}`, { ...change, currentPassword })).status).toBe(200)
    for (const token of [who.refreshToken, second.refreshToken])
      expect(code(await refresh(token))).toEqual([401, 'refresh-refused'])
    expect(await reasonOf(who.staffId)).toBe(why)
    expect((await refresh(bystander.refreshToken)).status).toBe(200)
    // Made active again, the old ones stay ended.
    await r.v2('PATCH', `/staff/${who.staffId}`, { isActive: true })
    expect(code(await refresh(second.refreshToken))).toEqual([401, 'refresh-refused'])
    const password = 'password' in change ? change.password : PASSWORD
    expect((await signIn(app.base, who.email, password)).role).toBe('role' in change ? change.role : 'host')
  }
})

test('A11: a demoted owner keeps no right beyond 2 s, with whatever token', async () => {
  const second = await colleague('owner')
  const login = await app.call('POST', '/auth/login', { email: second.email, password: PASSWORD })
  const old = { authorization: `Bearer ${login.body.access_token}` }
  const list = (headers: Record<string, string>) => app.call('GET', `/v2/restaurants/${r.id}/staff`, undefined, headers)
  const own = { authorization: `Bearer ${second.accessToken}` }
  expect([(await list(old)).status, (await list(own)).status]).toEqual([200, 200])
  expect((await r.v2('PATCH', `/staff/${second.staffId}`, { role: 'host' })).status).toBe(200)
  await new Promise((resolve) => setTimeout(resolve, limits.identityMillis + 50))
  expect([code(await list(old)), code(await list(own))]).toEqual([
    [401, 'not-signed-in'],
    [401, 'not-signed-in'],
  ])
})

test('A12: an owner ends the sign-ins of anyone, everyone their own, and nobody else does', async () => {
  const [host, manager] = [await colleague('host'), await colleague('manager')]
  const end = (who: Pick<Colleague, 'v2'>, id: string) => who.v2('DELETE', `/staff/${id}/sign-ins`)
  expect(code(await end(manager, host.staffId))).toEqual([403, 'not-allowed'])
  expect(code(await end(host, r.staffId))).toEqual([403, 'not-allowed'])
  expect((await refresh(host.refreshToken)).status).toBe(200)
  const more = await signIn(app.base, host.email, PASSWORD)
  expect((await end(host, host.staffId)).body.result).toEqual({ ended: 2 })
  expect(code(await refresh(more.refreshToken))).toEqual([401, 'refresh-refused'])
  expect((await end(r, manager.staffId)).body.result).toEqual({ ended: 1 })
  expect(await reasonOf(manager.staffId)).toBe('ended')
})

test('A14: of any number of guesses at once only so many are tried, and the right password of others is taken', async () => {
  const house = await app.restaurant()
  const attempt = (email: string, password: string, door = '/v2/sign-in') => app.call('POST', door, { email, password })
  const { signInFailuresPerEmail: most } = limits
  for (let i = 0; i < 2 * most; i++) expect((await attempt(house.email, TEST_PASSWORD)).status).toBe(200)
  const nobody = `${newId()}@cedar.example`
  const guesses = Array.from({ length: 3 * most }, (_, i) =>
    attempt(nobody, 'x', i % 2 ? '/auth/login' : '/v2/sign-in'),
  )
  const answers = await Promise.all(guesses)
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(most)
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(2 * most)
  for (const door of ['/auth/login', '/v2/sign-in'])
    expect((await attempt(house.email, TEST_PASSWORD, door)).status).toBe(200)
  expect((await signIn(app.base, r.email, TEST_PASSWORD)).staffId).toBe(r.staffId)
})

import { expect, test, vi } from 'vitest'
import { TEST_PASSWORD, type TestDatabase } from '../../test/kit.ts'
import { NOWHERE, useParts, type House, type Parts } from '../../test/parts.ts'
import { readInput, type Command, type Context, type StaffActor } from '../changes/command/command.ts'
import { execute } from '../changes/command/execute.ts'
import { ask } from '../changes/query.ts'
import type { AppError } from '../platform/errors.ts'
import { newId } from '../platform/ids.ts'
import { limits } from '../platform/limits.ts'
import { addStaff } from './add-staff.ts'
import { endSignIns } from './end-sign-ins.ts'
import { firstOwner } from './first-owner.ts'
import { listStaff } from './list-staff.ts'
import type { Member } from './members.ts'
import { nameStaff } from './name-staff.ts'
import { registerFrom, registerRestaurant } from './register-restaurant.ts'
import { startSignIn } from './sign-ins/start-sign-in.ts'
import { updateStaff } from './update-staff.ts'
import { upTo } from '../../test/patience.ts'

/** Staff without a door: who may change whom, what ends their access, and what is told of them. */

vi.setConfig({ testTimeout: upTo(5_000) })

let database: TestDatabase
let parts: Parts
let house: House
useParts(
  (a, b) => ([database, parts] = [a, b]),
  (each) => (house = each),
)

const PASSWORD = 'Plum-Cedar-72'
const currentPassword = TEST_PASSWORD
const as = (staffId: string, role: StaffActor['role']): Context => ({
  ...house.context,
  actor: { staffId, role },
})
/** Runs a command; its result, or the code of its refusal with its details. */
async function run(c: Command, input: object, context = house.context): Promise<unknown> {
  try {
    return (await execute(parts, c, context, readInput(c, context, input))).result
  } catch (error) {
    const { code, status } = error as AppError
    return `${code} ${status}`
  }
}
const fresh = () => `${newId()}@cedar.example`
const add = (role: string, more: object = {}) =>
  run(addStaff, { email: fresh(), password: PASSWORD, role, ...(role === 'owner' && { currentPassword }), ...more })
const member = async (role: string) => (await add(role)) as Member
const update = (id: string, change: object) => run(updateStaff, { staffId: id, ...change })
const list = (context = house.context) => ask(parts, listStaff, context, {})
const signInAs = ({ email }: { email: string }, password = PASSWORD) =>
  startSignIn(parts, { email, password, origin: NOWHERE }, null)
const endOf = async (id: string) =>
  (await database.sql('select revoked_why from qtable.sign_ins where staff_id = $1 order by created_at', [id])).map(
    ({ revoked_why }) => revoked_why,
  )

test('A9: who is added may sign in, and is listed as they were added', async () => {
  const email = fresh()
  const plain = (await run(addStaff, { email, password: PASSWORD, role: 'host' })) as Member
  const told = {
    id: expect.any(String),
    email,
    firstName: null,
    lastName: null,
    role: 'host',
    isActive: true,
    hasPin: false,
    version: 1,
    lastSignInAt: null,
    createdAt: expect.stringMatching(/Z$/),
    updatedAt: plain.createdAt,
  }
  expect(plain).toEqual(told)
  const named = (await add('manager', { firstName: 'Ida', lastName: 'Berg' })) as Member
  expect(named).toMatchObject({ firstName: 'Ida', lastName: 'Berg', role: 'manager' })
  expect((await signInAs(plain)).staffId).toBe(plain.id)
  await update(plain.id, { isActive: false })
  const ids = (await list()).map(({ id }) => id)
  expect(ids).toEqual([house.staffId, named.id, plain.id])
  for (const [role, expected] of [
    ['host', 'not-allowed 403'],
    ['manager', 'done'],
  ] as const)
    expect(
      await list(as(named.id, role)).then(
        () => 'done',
        ({ code, status }: AppError) => `${code} ${status}`,
      ),
    ).toBe(expected)
  for (const role of ['host', 'manager'] as const) {
    const context = as(named.id, role)
    expect(await run(addStaff, { email: fresh(), password: PASSWORD, role: 'host' }, context)).toBe('not-allowed 403')
    expect(await run(updateStaff, { staffId: plain.id, firstName: 'x' }, context)).toBe('not-allowed 403')
  }
})

test('A9, A1: an e-mail is taken whatever its case and restaurant; names and passwords are of bounded length', async () => {
  const { email } = await member('host')
  expect(await add('host', { email: email.toUpperCase() })).toBe('email-taken 409')
  const input = (more: object) => add('host', more)
  for (const wrong of [
    { firstName: 'x'.repeat(101) },
    { password: 'x'.repeat(limits.newPasswordCharacters - 1) },
    { password: 'x'.repeat(limits.passwordCharacters + 1) },
    { currentPassword: 'x'.repeat(limits.passwordCharacters + 1) },
    { role: 'admin' },
    { nickname: 'x' },
  ])
    expect(await input(wrong), JSON.stringify(wrong).slice(0, 40)).toBe('invalid-input 422')
  expect(await input({ firstName: 'x'.repeat(100), password: 'x'.repeat(limits.newPasswordCharacters) })).toMatchObject(
    {
      firstName: 'x'.repeat(100),
    },
  )
  const { id } = await member('host')
  for (const wrong of [{ password: 'short' }, { firstName: 'x'.repeat(101) }, { role: 'x' }, { nickname: 'x' }])
    expect(await update(id, wrong)).toBe('invalid-input 422')
})

test('A9: what is not sent of a member of staff stays, and what changes nothing is not noted', async () => {
  const made = (await add('host', { firstName: 'Ida', lastName: 'Berg' })) as Member
  for (const same of [{}, { firstName: 'Ida' }, { lastName: 'Berg' }, { role: 'host' }, { isActive: true }])
    expect(await update(made.id, same), JSON.stringify(same)).toEqual(made)
  const noted = async (change: object, now: object) => {
    const before = (await list()).find(({ id }) => id === made.id)!
    const result = (await update(made.id, change)) as Member
    expect(result).toEqual({ ...before, ...now, version: expect.any(Number), updatedAt: expect.any(String) })
    expect(result.updatedAt > before.updatedAt).toBe(true)
    expect((await list()).find(({ id }) => id === made.id)).toEqual(result)
  }
  await noted({ firstName: 'Eva' }, { firstName: 'Eva' })
  await noted({ lastName: null }, { lastName: null })
  await noted({ firstName: null, role: 'manager' }, { firstName: null, role: 'manager' })
  await noted({ password: 'Other-Plum-73', currentPassword }, {})
  await noted({ isActive: false }, { isActive: false })
  expect(await update(newId(), { firstName: 'x' })).toBe('staff-not-found 404')
  expect(await update((await parts.house()).staffId, { firstName: 'x' })).toBe('staff-not-found 404')
})

test('A9: a restaurant may have so many members of staff', async () => {
  await database.sql(
    `insert into qtable.staff (restaurant_id, id, email, email_key, password_hash, role, created_at, updated_at)
     select restaurant_id, gen_random_uuid(), 'n' || n || email, 'n' || n || email, 'x', 'host', now(), now()
     from qtable.staff, generate_series(1, ${limits.staffPerRestaurant - 2}) n where restaurant_id = $1`,
    [house.id],
  )
  expect(await add('host')).toMatchObject({ role: 'host' })
  expect(await add('host')).toBe('too-many-staff 409')
  expect(await list()).toHaveLength(limits.staffPerRestaurant)
})

test('A10: the last active owner stays one, until there is another', async () => {
  const change = (id: string, more: object) => update(id, { ...more, currentPassword })
  for (const more of [{ role: 'host' }, { isActive: false }, { role: 'manager', isActive: false }])
    expect(await change(house.staffId, more)).toBe('last-owner 409')
  // What an owner may do to the last one: anything else. And others are no owners.
  expect(await change(house.staffId, { firstName: 'Ada' })).toMatchObject({ firstName: 'Ada', role: 'owner' })
  const host = await member('host')
  expect(await change(host.id, { isActive: false })).toMatchObject({ isActive: false })
  const second = await member('owner')
  expect(await change(second.id, { isActive: false })).toMatchObject({ isActive: false })
  // One who may not sign in counts as none.
  expect(await change(house.staffId, { role: 'host' })).toBe('last-owner 409')
  expect(await change(second.id, { role: 'host' })).toMatchObject({ role: 'host' })
  expect(await change(second.id, { role: 'owner', isActive: true })).toMatchObject({ role: 'owner', isActive: true })
  expect(await change(house.staffId, { role: 'host' })).toMatchObject({ role: 'host' })
  const refused = (await execute(parts, updateStaff, as(second.id, 'owner'), {
    staffId: second.id,
    isActive: false,
  }).catch((error: AppError) => error)) as AppError
  expect(refused.details).toMatchObject({ staff: { id: second.id, role: 'owner', isActive: true } })
})

test('A11: a new password, another role and being made inactive end all access, whichever it is; other changes do not', async () => {
  for (const [change, why] of [
    [{ firstName: 'Eva' }, null],
    [{ role: 'host', isActive: true }, null],
    [{ password: 'Other-Plum-73' }, 'password-changed'],
    [{ role: 'manager' }, 'role-changed'],
    [{ isActive: false }, 'deactivated'],
    [{ isActive: false, password: 'Other-Plum-73', role: 'manager' }, 'deactivated'],
    [{ role: 'manager', password: 'Other-Plum-73' }, 'password-changed'],
  ] as const) {
    const [who, bystander] = [await member('host'), await member('host')]
    await signInAs(who)
    await signInAs(bystander)
    expect(await update(who.id, { ...change, currentPassword })).toMatchObject({ id: who.id })
    expect([await endOf(who.id), await endOf(bystander.id)], JSON.stringify(change)).toEqual([[why], [null]])
  }
  // To be made active ends nothing that has ended already, and is no end by itself.
  const asleep = await member('host')
  await update(asleep.id, { isActive: false })
  await update(asleep.id, { isActive: true })
  await signInAs(asleep)
  await update(asleep.id, { isActive: true, firstName: 'Eva' })
  expect(await endOf(asleep.id)).toEqual([null])
})

test('A17: a password and an owner are made with the own password only', async () => {
  const [host, owner] = [await member('host'), await member('owner')]
  for (const change of [{ password: 'Other-Plum-73' }, { role: 'owner' }]) {
    expect(await update(host.id, change)).toBe('password-needed 403')
    expect(await update(host.id, { ...change, currentPassword: 'wrong' })).toBe('wrong-password 403')
  }
  expect(await add('owner', { currentPassword: undefined })).toBe('password-needed 403')
  expect(await add('owner', { currentPassword: 'wrong' })).toBe('wrong-password 403')
  // Everything else goes without; an owner who stays one is no new one.
  expect(await update(host.id, { role: 'manager' })).toMatchObject({ role: 'manager' })
  expect(await update(owner.id, { role: 'owner', firstName: 'Eva' })).toMatchObject({ firstName: 'Eva' })
  expect(await update(owner.id, { isActive: false })).toMatchObject({ isActive: false })
  expect(await update(owner.id, { isActive: true })).toBe('password-needed 403')
  expect(await update(owner.id, { isActive: true, currentPassword })).toMatchObject({ isActive: true })
  expect(await update(host.id, { role: 'owner', currentPassword })).toMatchObject({ role: 'owner' })
  // Somebody who is no longer there has no password that fits.
  const gone = as(newId(), 'owner')
  const input = { staffId: host.id, password: 'Other-Plum-73', currentPassword }
  expect(await run(updateStaff, input, gone)).toBe('wrong-password 403')
})

test('A12: an owner ends the sign-ins of anyone, everyone their own', async () => {
  const [host, other] = [await member('host'), await member('host')]
  for (let n = 0; n < 2; n++) await signInAs(host)
  const end = (id: string, context: Context) => run(endSignIns, { staffId: id }, context)
  expect(await end(host.id, as(other.id, 'manager'))).toBe('not-allowed 403')
  expect(await end(host.id, as(other.id, 'host'))).toBe('not-allowed 403')
  expect(await endOf(host.id)).toEqual([null, null])
  expect(await end(host.id, as(host.id, 'host'))).toEqual({ ended: 2 })
  expect(await endOf(host.id)).toEqual(['ended', 'ended'])
  await signInAs(other)
  expect(await end(other.id, house.context)).toEqual({ ended: 1 })
  expect(await end(newId(), house.context)).toBe('staff-not-found 404')
})

test('N7: colleagues are called by their names, never by an e-mail address, and nobody by nothing', async () => {
  const name = (id: string) => parts.db.transaction({ restaurantId: house.id }, (tx) => nameStaff(tx, house.id, id))
  for (const [more, called] of [
    [{ firstName: 'Ida', lastName: 'Berg' }, 'Ida Berg'],
    [{ firstName: 'Ida' }, 'Ida'],
    [{ lastName: 'Berg' }, 'Berg'],
  ] as const)
    expect(await name(((await add('host', more)) as Member).id)).toBe(called)
  expect(await name(house.staffId)).toBe(null)
  expect(await name(newId())).toBe(null)
  expect(await name((await parts.house()).staffId)).toBe(null)
})

test('A1, A4, A14: an e-mail is registered once, the first owner is made once, and a stranger who tries is guessing', async () => {
  const made = { restaurantName: 'Plum', email: fresh(), password: PASSWORD, firstName: 'Ida', lastName: 'Berg' }
  const { restaurantId, staffId } = await registerRestaurant(parts, made)
  const [row] = await database.sql('select * from qtable.staff join qtable.heads using (restaurant_id) where id = $1', [
    staffId,
  ])
  expect(row).toMatchObject({
    restaurant_id: restaurantId,
    role: 'owner',
    first_name: 'Ida',
    last_name: 'Berg',
    seq: '0',
  })
  expect(await firstOwner(parts, 'Plum', made.email, PASSWORD)).toBe(false)
  const first = fresh()
  expect(await firstOwner(parts, 'Plum', first, PASSWORD)).toBe(true)
  expect(await signInAs({ email: first })).toMatchObject({ role: 'owner' })
  const closed = { ...parts, newId: () => 'no id' }
  await expect(firstOwner(closed, 'Plum', fresh(), PASSWORD)).rejects.toThrow('uuid')
  const stranger = { ...NOWHERE, address: '203.0.113.50' }
  expect(await registerFrom(parts, stranger, { ...made, email: fresh() })).toMatchObject({
    staffId: expect.any(String),
  })
  const guess = () => registerFrom(parts, stranger, made).catch(({ code }: AppError) => code)
  expect(await guess()).toBe('email-taken')
  const rows = await database.sql('update qtable.failed_attempts set failures = $1 where failures = 1 returning 1', [
    limits.signInFailuresPerAddress,
  ])
  expect(rows.length).toBeGreaterThan(0)
  expect(await guess()).toBe('too-many-attempts')
})

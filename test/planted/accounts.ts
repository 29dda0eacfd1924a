import { expect } from 'vitest'
import { limits } from '../../src/platform/limits.ts'
import { postFrom } from '../addresses.ts'
import { register, request, TEST_PASSWORD } from '../kit.ts'
import { within } from '../patience.ts'
import { asLogin } from '../postgres.ts'
import type { Bug } from './bugs.ts'
import type { Ground } from './checkers.ts'

/** Bugs in who may sign in and what takes access away, and the check that finds them. */

/** Guesses, passwords and access, as docs/accounts.md has them. */
async function accounts({ url, bases }: Ground): Promise<void> {
  const [base, last] = [bases[0]!, bases.at(-1)!]
  const house = await register(base)
  const currentPassword = TEST_PASSWORD
  const own = `/staff/${house.staffId}`

  const alone = await house.v2('PATCH', own, { password: 'Another-Plum-9' })
  expect(alone.status, 'a password that a token alone has set').toBe(403)

  let tried = 0
  const guess = (n: number) =>
    postFrom([base, last][n % 2]!, '127.0.0.9', '/auth/login', { email: house.email, password: `guess ${n}` })
  while (tried < 100 && (await guess(tried)).status === 401) tried++
  expect(tried, 'guesses of one password').toBe(limits.signInFailuresPerEmail)
  const home = await request(base, 'POST', '/auth/login', { email: house.email, password: TEST_PASSWORD })
  expect(home.status, 'the house while strangers guess').toBe(200)

  const key = { 'idempotency-key': 'one intent' }
  const email = 'host@planted.example'
  const add = (password: string) => house.v2('POST', '/staff', { email, password, role: 'host' }, key)
  expect((await add('Plum-Cedar-72')).status).toBe(200)
  expect((await add('Plum-Cedar-73')).status, 'the same key with another password').toBe(422)

  const host = await request(base, 'POST', '/auth/login', { email, password: 'Plum-Cedar-72' })
  const status = async (token: string, path: string) =>
    (await request(base, 'GET', path, undefined, { authorization: `Bearer ${token}` })).status
  const { result } = (await house.v2('GET', '/staff')).body
  const { id } = result.find((each: { email: string }) => each.email === email)
  await house.v2('PATCH', `/staff/${id}`, { password: 'Plum-Cedar-74', currentPassword })
  const soon = within(limits.identityMillis + 1_000)
  const past = () => status(host.body.access_token, '/auth/me')
  await until(past, 401, soon, 'a token of before the change of the password')

  await asLogin(url, 'update qtable.restaurants set is_active = false where restaurant_id = $1', [house.id])
  const dashboard = () => status(house.token, '/api/v1/dashboard/data')
  await until(dashboard, 403, soon, 'the floor of a suspended restaurant')
}

async function until(ask: () => Promise<number>, wanted: number, millis: number, what: string): Promise<void> {
  const end = Date.now() + millis
  for (;;) {
    const got = await ask()
    if (got === wanted || Date.now() > end) return expect(got, what).toBe(wanted)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export const accountBugs: readonly Bug[] = [
  {
    name: 'a suspended restaurant is let in',
    edits: [
      {
        file: 'staff/access/access.ts',
        from: `return identity.restaurantIsActive ? null : 'suspended'`,
        to: `return identity.restaurantIsActive ? null : null`,
      },
    ],
    checker: accounts,
    finds: /the floor of a suspended restaurant/,
  },
  {
    name: "the iPad's tokens outlive a change of the password",
    edits: [
      {
        file: 'staff/sign-ins/sign-ins.ts',
        from: 'token_generation = token_generation + 1',
        to: 'token_generation = token_generation',
      },
    ],
    checker: accounts,
    finds: /a token of before the change/,
  },
  {
    name: 'a token sets a password by itself',
    edits: [{ file: 'staff/update-staff.ts', from: 'if (given.password || (isOwner', to: 'if ((isOwner' }],
    checker: accounts,
    finds: /a token alone has set/,
  },
  {
    name: 'the password is left out of the fingerprint',
    edits: [
      { file: 'changes/command/mutations.ts', from: 'text.includes(SECRET_IN_JSON)', to: 'text === SECRET_IN_JSON' },
    ],
    checker: accounts,
    finds: /the same key with another password/,
  },
  {
    name: 'each process gives guesses of its own',
    edits: [
      {
        file: 'staff/sign-ins/sign-in-attempts.ts',
        from: 'Math.max(attempts.failedAt.length, attempts.stored?.failures ?? 0)',
        to: 'Math.max(attempts.failedAt.length, attempts.stored ? 0 : 0)',
      },
    ],
    servers: 2,
    checker: accounts,
    finds: /guesses of one password/,
  },
  {
    name: 'strangers who guess lock the house out',
    edits: [
      {
        file: 'staff/sign-ins/sign-in.ts',
        from: 'const counted = own ? [own]',
        to: 'const counted = own ? ways.strangers',
      },
    ],
    checker: accounts,
    finds: /the house while strangers guess/,
  },
]

import { expect, test } from 'vitest'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import { SignInAttempts } from './sign-in-attempts.ts'

const { signInFailuresPerEmail: perEmail, signInFailuresPerAddress: perAddress, signInFailureWindowMillis } = limits

const fail = async () => {
  throw new AppError('wrong-credentials', 401, 'no')
}
const succeed = async () => 'in'
const codeOf = async (attempt: Promise<unknown>) => {
  try {
    return await attempt
  } catch (error) {
    return (error as AppError).code
  }
}

test('A14: after so many failures of one e-mail, whatever its case, it has to wait out the window; others do not', async () => {
  let now = 1_000_000
  const attempts = new SignInAttempts(() => now)
  for (let i = 0; i < perEmail; i++) {
    now += 1_000
    expect(await codeOf(attempts.run(i % 2 ? 'Ada@x' : 'ada@X', `address ${i}`, fail))).toBe('wrong-credentials')
  }
  const refused = await attempts.run('ada@x', 'new', succeed).catch((error: AppError) => error)
  expect(refused).toMatchObject({ code: 'too-many-attempts', status: 429 })
  const seconds = (signInFailureWindowMillis - (perEmail - 1) * 1_000) / 1_000
  expect((refused as AppError).details).toEqual({ retryAfterSeconds: seconds })
  expect(await attempts.run('bob@x', 'address 1', succeed)).toBe('in')
  now += seconds * 1_000 - 1
  expect(await codeOf(attempts.run('ada@x', 'new', succeed))).toBe('too-many-attempts')
  now += 1
  expect(await attempts.run('ada@x', 'new', succeed)).toBe('in')
})

test('A14: after so many failures from one address, of whatever e-mails, it has to wait', async () => {
  const attempts = new SignInAttempts(() => 0)
  for (let i = 0; i < perAddress; i++)
    expect(await codeOf(attempts.run(`e${i}`, 'one', fail))).toBe('wrong-credentials')
  expect(await codeOf(attempts.run('another', 'one', succeed))).toBe('too-many-attempts')
  expect(await attempts.run('another', 'two', succeed)).toBe('in')
})

test("A14: successes, an account that is inactive and a database that is away don't count, and leave nothing behind", async () => {
  const attempts = new SignInAttempts(() => 0)
  for (let i = 0; i < 3 * perAddress; i++) expect(await attempts.run('ada', 'one', succeed)).toBe('in')
  for (const [code, status] of [
    ['account-inactive', 401],
    ['busy', 503],
  ] as const) {
    const other = async () => {
      throw new AppError(code, status, 'no')
    }
    for (let i = 0; i < 2 * perAddress; i++) expect(await codeOf(attempts.run('ada', 'one', other))).toBe(code)
  }
  expect(attempts.figures).toEqual({ emails: 0, addresses: 0 })
})

test('A14: however many come at once, no more than so many passwords are tried; whoever has the right one gets in', async () => {
  const attempts = new SignInAttempts(() => 0)
  let tried = 0
  const slowly = (work: () => Promise<unknown>) => async () => {
    tried++
    await new Promise((resolve) => setImmediate(resolve))
    return work()
  }
  const guesses = await Promise.all(
    Array.from({ length: 500 }, (_, i) => codeOf(attempts.run('ada', `a${i}`, slowly(fail)))),
  )
  expect(tried).toBe(perEmail)
  expect(guesses.filter((code) => code === 'wrong-credentials')).toHaveLength(perEmail)
  expect(guesses.filter((code) => code === 'too-many-attempts')).toHaveLength(500 - perEmail)
  // A whole house that opens with one account.
  const house = await Promise.all(
    Array.from({ length: 500 }, () => codeOf(attempts.run('house', 'lan', slowly(succeed)))),
  )
  expect(new Set(house)).toEqual(new Set(['in']))
})

test('A14: only so many e-mails and addresses are remembered', async () => {
  const attempts = new SignInAttempts(() => 0)
  const more = limits.signInFailureKeys + 500
  for (let i = 0; i < more; i++) await codeOf(attempts.run(`e${i}`, `a${i}`, fail))
  expect(attempts.figures).toEqual({ emails: limits.signInFailureKeys, addresses: limits.signInFailureKeys })
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/kit.ts'
import { clockOf, instantOfMicros } from '../../platform/clock.ts'
import { AppError } from '../../platform/errors.ts'
import { newId } from '../../platform/ids.ts'
import { keyedHash } from '../../platform/keyed-hash.ts'
import { limits } from '../../platform/limits.ts'
import { SignInAttempts, type Counted } from './sign-in-attempts.ts'
import { SignInCrowd } from './sign-in-crowd.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openDatabase()
})
afterAll(() => database.close())

const { signInFailureWindowMillis: WINDOW } = limits
const START = Date.parse('2026-11-30T12:00:00Z')

/** The attempts of one process; its time is set. */
function processOf() {
  const time = { now: START }
  const clock = clockOf(() => instantOfMicros(time.now * 1000))
  const attempts = new SignInAttempts(database.db, clock, keyedHash('a secret key for tests', 'tests'))
  return { attempts, time }
}

const keyOf = (most: number): Counted => ({ key: newId(), most })
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
const rowsOf = async () => (await database.sql<{ n: string }>('select count(*) as n from qtable.failed_attempts'))[0]!.n

test('A14: after so many failures under one key it has to wait out the window; others do not', async () => {
  const { attempts, time } = processOf()
  const [key, other] = [keyOf(10), keyOf(10)]
  for (let i = 0; i < 10; i++) {
    time.now += 1_000
    expect(await codeOf(attempts.run([key], fail))).toBe('wrong-credentials')
  }
  const refused = await attempts.run([other, key], succeed).catch((error: AppError) => error)
  expect(refused).toMatchObject({ code: 'too-many-attempts', status: 429 })
  const seconds = (WINDOW - 9_000) / 1_000
  expect((refused as AppError).details).toEqual({ retryAfterSeconds: seconds })
  expect(await attempts.run([other], succeed)).toBe('in')
  time.now += seconds * 1_000 - 1
  expect(await codeOf(attempts.run([key], succeed))).toBe('too-many-attempts')
  time.now += 1
  expect(await attempts.run([key], succeed)).toBe('in')
})

test('A14: what failed counts on every process, and outlives each', async () => {
  const [one, two] = [processOf(), processOf()]
  const key = keyOf(10)
  for (let i = 0; i < 5; i++) for (const { attempts } of [one, two]) await codeOf(attempts.run([key], fail))
  const next = processOf()
  for (const { attempts } of [one, two, next]) {
    await attempts.look([key])
    expect(attempts.hasRoom(key)).toBe(false)
    const refused = await attempts.run([key], succeed).catch((error: AppError) => error)
    expect((refused as AppError).details).toEqual({ retryAfterSeconds: WINDOW / 1_000 })
  }
  // A window later nothing counts any more, and the next failure begins a new one.
  for (const each of [one, two, next]) each.time.now += WINDOW + 1
  await next.attempts.look([key])
  expect(await codeOf(next.attempts.run([key], fail))).toBe('wrong-credentials')
  await one.attempts.look([key])
  expect(one.attempts.hasRoom(key)).toBe(true)
})

test("A14: what succeeds, an account that is inactive and a database that is away don't count, and leave nothing behind", async () => {
  const { attempts } = processOf()
  const key = keyOf(10)
  const before = await rowsOf()
  for (let i = 0; i < 30; i++) expect(await attempts.run([key], succeed)).toBe('in')
  for (const [code, status] of [
    ['account-inactive', 401],
    ['busy', 503],
  ] as const) {
    const other = async () => {
      throw new AppError(code, status, 'no')
    }
    for (let i = 0; i < 30; i++) expect(await codeOf(attempts.run([key], other))).toBe(code)
  }
  expect([attempts.figures, await rowsOf()]).toEqual([{ keys: 0 }, before])
})

test('A14: however many come at once, no more than so many passwords are tried; whoever has the right one gets in', async () => {
  const { attempts } = processOf()
  const [guessed, house] = [keyOf(10), keyOf(10)]
  let tried = 0
  const slowly = (work: () => Promise<unknown>) => async () => {
    tried++
    await new Promise((resolve) => setImmediate(resolve))
    return work()
  }
  const guesses = await Promise.all(Array.from({ length: 500 }, () => codeOf(attempts.run([guessed], slowly(fail)))))
  expect(tried).toBe(10)
  expect(guesses.filter((code) => code === 'wrong-credentials')).toHaveLength(10)
  expect(guesses.filter((code) => code === 'too-many-attempts')).toHaveLength(490)
  // A whole house that opens with one account.
  const opening = await Promise.all(Array.from({ length: 500 }, () => codeOf(attempts.run([house], slowly(succeed)))))
  expect(new Set(opening)).toEqual(new Set(['in']))
})

test('A14: only so many wait, only so many keys are remembered, and the database keeps no more than one window has', async () => {
  const { attempts, time } = processOf()
  const key = keyOf(1)
  let done = () => undefined as void
  const first = attempts.run([key], () => new Promise<void>((resolve) => (done = resolve)))
  const others = Array.from({ length: limits.attemptsWaiting + 5 }, () => codeOf(attempts.run([key], succeed)))
  done()
  await first
  const answers = await Promise.all(others)
  expect(answers.filter((code) => code === 'busy')).toHaveLength(5)
  expect(answers.filter((code) => code === 'in')).toHaveLength(limits.attemptsWaiting)
  // As if others had failed, so that only memory is looked at.
  const stuck = Array.from({ length: limits.signInFailureKeys + 500 }, () => attempts.run([keyOf(1)], () => stop))
  expect(attempts.figures.keys).toBe(limits.signInFailureKeys)
  release()
  await Promise.all(stuck)
  const before = Number(await rowsOf())
  for (let i = 0; i < 20; i++) await codeOf(attempts.run([keyOf(9)], fail))
  expect(Number(await rowsOf())).toBe(before + 20)
  time.now += 3 * WINDOW
  for (let i = 0; i < 10; i++) await codeOf(attempts.run([keyOf(9)], fail))
  expect(Number(await rowsOf())).toBeLessThanOrEqual(10 + Math.max(0, before + 20 - 100))
})

let release = () => undefined as void
const stop = new Promise<void>((resolve) => (release = resolve))

test('A14: a crowd of strangers is bounded and leaves room for those who are known; a refusal is told again for a while', async () => {
  let now = 0
  const crowd = new SignInCrowd(() => now)
  let open = () => undefined as void
  const gate = new Promise<string>((resolve) => (open = () => resolve('in')))
  const stranger = (n: number) => ({ who: `s${n}`, network: 'afar', isKnown: false })
  const { strangers } = limits.signInsAtOnce
  const all = Array.from({ length: strangers + 20 }, (_, n) => codeOf(crowd.run(stranger(n), () => gate)))
  const known = codeOf(crowd.run({ who: 'k', network: 'afar', isKnown: true }, succeed))
  crowd.succeeded('house')
  const atHome = codeOf(crowd.run({ who: 'h', network: 'house', isKnown: false }, succeed))
  expect([await known, await atHome]).toEqual(['in', 'in'])
  open()
  const answers = await Promise.all(all)
  expect(answers.filter((code) => code === 'busy')).toHaveLength(20)
  expect(answers.filter((code) => code === 'in')).toHaveLength(strangers)
  const tooMany = async () => {
    throw new AppError('too-many-attempts', 429, 'no', { retryAfterSeconds: 100 })
  }
  expect(await codeOf(crowd.run(stranger(0), tooMany))).toBe('too-many-attempts')
  now += 5_000
  const again = await crowd.run(stranger(0), succeed).catch((error: AppError) => error)
  expect((again as AppError).details).toEqual({ retryAfterSeconds: 95 })
  expect(await codeOf(crowd.run(stranger(1), succeed))).toBe('in')
  now += limits.signInRefusalMillis
  expect(await codeOf(crowd.run(stranger(0), succeed))).toBe('in')
})

import { hash as bcrypt } from '@node-rs/bcrypt'
import { expect, test } from 'vitest'
import type { AppError } from './errors.ts'
import { limits } from './limits.ts'
import { hashPassword, isOutdated, passwordFits } from './passwords.ts'

test('P10: passwords are kept as argon2id and fit their own hash only', async () => {
  const stored = await hashPassword('Tall-Cedar-71')
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  expect(isOutdated(stored)).toBe(false)
  expect(await passwordFits('Tall-Cedar-71', stored)).toBe(true)
  expect(await passwordFits('tall-cedar-71', stored)).toBe(false)
})

test('P10: a bcrypt hash fits and is outdated; an unreadable one fits nothing', async () => {
  const old = await bcrypt('Tall-Cedar-71', 4)
  expect(await passwordFits('Tall-Cedar-71', old)).toBe(true)
  expect(await passwordFits('other', old)).toBe(false)
  expect(isOutdated(old)).toBe(true)
  for (const broken of ['', 'x', '$2b$', '$argon2id$v=19$']) expect(await passwordFits('x', broken)).toBe(false)
})

test('P10: many at once are checked a few at a time, and all of them', async () => {
  const stored = await hashPassword('a')
  const fits = await Promise.all(Array.from({ length: 20 }, (_, i) => passwordFits(i % 2 ? 'a' : 'b', stored)))
  expect(fits.filter(Boolean)).toHaveLength(10)
})

test('A14: of many passwords those of strangers come last, and only so many of them wait', async () => {
  const { known, strangers } = limits.passwordsWaiting
  expect(strangers).toBeLessThan(known)
  const hash = await bcrypt('the right one', 4)
  const order: string[] = []
  const check = async (password: string, lane: 'known' | 'strangers') => {
    const fits = await passwordFits(password, hash, lane).catch((error: AppError) => error.code)
    order.push(lane)
    return fits
  }
  const room = limits.passwordChecks + strangers
  const flood = Array.from({ length: room + 10 }, () => check('a guess', 'strangers'))
  expect(await check('the right one', 'known')).toBe(true)
  // Those that had begun, and those that were refused.
  expect(order.length).toBeLessThanOrEqual(2 * limits.passwordChecks + 11)
  const answers = await Promise.all(flood)
  expect(answers.filter((fits) => fits === 'busy')).toHaveLength(10)
  expect(answers.filter((fits) => fits === false)).toHaveLength(room)
})

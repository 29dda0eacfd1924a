import { expect, test } from 'vitest'
import { limits } from '../platform/limits.ts'
import { OpsAccess } from './access.ts'

const TOKEN = 'a token for this test'

test('M1: the token opens it, and nothing else does', () => {
  const access = new OpsAccess(TOKEN, () => 0)
  expect(access.admits(`Bearer ${TOKEN}`, 'a')).toBe('in')
  for (const header of [undefined, '', 'Bearer', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`])
    expect(access.admits(header, 'a'), header).toBe('no')
  expect(new OpsAccess(null, () => 0).admits(`Bearer ${TOKEN}`, 'a')).toBe('closed')
  expect(new OpsAccess(null, () => 0).admits('Bearer null', 'a')).toBe('closed')
})

test('M1: whoever guesses is asked to wait, and the one that knows it is not shut out by others', () => {
  let now = 0
  const access = new OpsAccess(TOKEN, () => now)
  const guess = (address: string) => access.tries('wrong', address)
  for (let n = 0; n < limits.opsFailures; n++) expect(guess('a')).toBe('no')
  expect(guess('a')).toBe('wait')
  expect(access.tries(TOKEN, 'a')).toBe('wait')
  for (let n = 0; n < limits.opsFailuresAltogether; n++) guess(`other ${n}`)
  expect(guess('new')).toBe('wait')
  expect(access.tries(TOKEN, 'b')).toBe('in')
  now = limits.opsFailureWindowMillis
  expect(access.tries(TOKEN, 'a')).toBe('in')
})

import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { keyedHash } from '../../platform/keyed-hash.ts'
import { NewPassword } from '../../platform/passwords.ts'
import { fingerprintOf } from './mutations.ts'

const hash = keyedHash('a secret key for tests only, long enough', 'tests')

test('L5: a request without secrets has the fingerprint that earlier releases stored, whatever words it holds', () => {
  for (const input of [{ firstName: 'Ada', partySize: 2 }, { notes: 'a new password' }, [], {}]) {
    const stored = createHash('sha256')
      .update(`add-guest\n${JSON.stringify(input)}`)
      .digest('base64url')
    expect(fingerprintOf('add-guest', input, 'r m', hash)).toBe(stored)
  }
})

test('L5: secrets count in a fingerprint, wherever they stand, and only with the key', () => {
  const of = (password: string, mutation = 'r m', key = hash, command = 'update-staff') =>
    fingerprintOf(command, { list: [{ password: new NewPassword(password) }] }, mutation, key)
  expect(of('One-Password-1')).toBe(of('One-Password-1'))
  const all = [
    of('One-Password-1'),
    of('Two-Password-2'),
    of('One-Password-1', 'r another'),
    of('One-Password-1', 'r m', keyedHash('another secret key, also long enough', 'tests')),
    of('One-Password-1', 'r m', keyedHash('a secret key for tests only, long enough', 'another purpose')),
    of('One-Password-1', 'r m', hash, 'add-staff'),
  ]
  expect(new Set(all).size).toBe(all.length)
  expect(() => fingerprintOf('add-staff', { password: new NewPassword('x') }, 'r m', undefined)).toThrow('hash it with')
})

import { expect, test } from 'vitest'
import { verdictOn } from './access.ts'
import type { Proven } from '../staff.ts'

test('A16: who is let in, and of several reasons against it the first that is told', () => {
  const who = (more: object = {}): Proven => ({
    staffId: 's',
    email: 'e',
    firstName: null,
    lastName: null,
    role: 'host',
    isActive: true,
    restaurantId: 'r',
    restaurantName: 'n',
    restaurantIsActive: true,
    signInId: null,
    generation: 0,
    deviceName: null,
    ...more,
  })
  const [here, there] = [() => 'r', () => 'other']
  const asleep = { isActive: false }
  const suspended = { restaurantIsActive: false }
  for (const [identity, reach, why] of [
    [who(), here, null],
    [who(), 'own', null],
    [who(), 'self', null],
    [who(), there, 'elsewhere'],
    [who(suspended), here, 'suspended'],
    [who(suspended), 'own', 'suspended'],
    [who(suspended), 'self', null],
    [who(suspended), there, 'elsewhere'],
    [who(asleep), here, 'inactive'],
    [who(asleep), 'self', 'inactive'],
    [who({ ...asleep, ...suspended }), there, 'inactive'],
  ] as const) {
    const admitted = why === null ? identity : null
    expect(verdictOn(identity, reach)).toEqual({ admitted, restaurantId: 'r', ...(why && { why }) })
  }
  // Nobody is asked what they want before they are known.
  const reach = () => {
    throw new Error('asked')
  }
  expect(verdictOn(null, reach)).toEqual({ admitted: null, why: 'unknown', restaurantId: null })
  expect(verdictOn(who(asleep), reach)).toMatchObject({ why: 'inactive' })
  expect(() => verdictOn(who(), reach)).toThrow('asked')
})

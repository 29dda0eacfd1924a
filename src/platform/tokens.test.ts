import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { Tokens } from './tokens.ts'

const KEY = 'a key that only this test knows'
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const forge = (header: unknown, claims: unknown, key = KEY, hash = 'sha256') => {
  const text = `${part(header)}.${part(claims)}`
  return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`
}
const HS256 = { alg: 'HS256', typ: 'JWT' }

test('P9: a signed token is read back, until it expires', () => {
  let now = 1000
  const tokens = new Tokens(KEY, () => now)
  const token = tokens.sign({ sub: 'ada', exp: 2000, restaurant_id: 'r' })
  expect(tokens.verify(token)).toEqual({ sub: 'ada', exp: 2000 })
  now = 1999
  expect(tokens.verify(token)).toEqual({ sub: 'ada', exp: 2000 })
  now = 2000
  expect(tokens.verify(token)).toBeNull()
})

test('P9: a token made elsewhere with the same key is taken, whatever the order and number of its claims', () => {
  const tokens = new Tokens(KEY, () => 0)
  const claims = { exp: 1800, restaurant_id: 'r', sub: 'u', iat: 1 }
  expect(tokens.verify(forge({ typ: 'JWT', alg: 'HS256' }, claims))).toEqual({ sub: 'u', exp: 1800 })
})

test('P9: anything else is refused', () => {
  const tokens = new Tokens(KEY, () => 100)
  const good = { sub: 'u', exp: 200 }
  const whole = forge(HS256, good)
  const bad = {
    'another key': forge(HS256, good, 'another key'),
    'alg none': `${part({ alg: 'none' })}.${part(good)}.`,
    'alg none, signed': forge({ alg: 'none' }, good),
    'alg HS512': forge({ alg: 'HS512' }, good, KEY, 'sha512'),
    'alg RS256 with our key': forge({ alg: 'RS256' }, good),
    'no alg': forge({}, good),
    'no exp': forge(HS256, { sub: 'u' }),
    'exp as text': forge(HS256, { sub: 'u', exp: '200' }),
    'no sub': forge(HS256, { exp: 200 }),
    'empty sub': forge(HS256, { sub: '', exp: 200 }),
    'sub a number': forge(HS256, { sub: 7, exp: 200 }),
    'claims a list': forge(HS256, [1]),
    'a part more': `${whole}.x`,
    'a part less': whole.split('.').slice(0, 2).join('.'),
    'cut short': whole.slice(0, -1),
    'one more letter': `${whole}A`,
    'padded signature': `${whole}=`,
    'changed claims': whole.replace(whole.split('.')[1]!, part({ sub: 'v', exp: 200 })),
    'not a token': 'garbage',
    empty: '',
    huge: `${'a'.repeat(100_000)}.b.c`,
  }
  const taken = Object.entries(bad).filter(([, token]) => tokens.verify(token) !== null)
  expect(taken.map(([name]) => name)).toEqual([])
})

test('P9: the cache of verified tokens does not grow without bound and does not outlive the expiry', () => {
  const tokens = new Tokens(KEY, () => 0)
  const first = tokens.sign({ sub: 'u0', exp: 10 })
  for (let i = 0; i < 12_000; i++) tokens.verify(tokens.sign({ sub: `u${i}`, exp: 10 }))
  expect(tokens.verify(first)).toEqual({ sub: 'u0', exp: 10 })
})

test('P9: the sign-in that a token names is read with it; one that is no text is refused', () => {
  const tokens = new Tokens(KEY, () => 0)
  expect(tokens.verify(tokens.sign({ sub: 'u', exp: 10, sid: 's' }))).toEqual({ sub: 'u', exp: 10, sid: 's' })
  for (const sid of [5, null, {}, ['s'], true])
    expect(tokens.verify(forge(HS256, { sub: 'u', exp: 10, sid })), JSON.stringify(sid)).toBeNull()
})

test('P9: a sealed text gives its bytes back, and no other text gives any', () => {
  const tokens = new Tokens(KEY)
  const bytes = Buffer.from('some bytes, whatever they mean')
  const text = tokens.seal(bytes)
  expect(tokens.unseal(text)).toEqual(bytes)
  expect(new Tokens('another key').unseal(text)).toBeNull()
  const all = Buffer.from(text, 'base64url')
  for (let bit = 0; bit < all.length * 8; bit++) {
    const other = Buffer.from(all)
    other[bit >> 3]! ^= 1 << (bit & 7)
    expect(tokens.unseal(other.toString('base64url'))).toBeNull()
  }
  const jwt = tokens.sign({ sub: 'u', exp: 10 })
  for (const odd of ['', 'x', `${text}=`, `${text}A`, text.slice(0, -1), jwt, jwt.split('.')[2]!, 'x'.repeat(5000)])
    expect(tokens.unseal(odd), odd.slice(0, 20)).toBeNull()
  expect(tokens.verify(text)).toBeNull()
})

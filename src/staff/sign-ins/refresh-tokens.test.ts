import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { newId } from '../../platform/ids.ts'
import { Tokens } from '../../platform/tokens.ts'
import { makeRefreshToken, readRefreshToken } from './refresh-tokens.ts'

const tokens = new Tokens('a secret key for tests only, long enough')

test('A5: a refresh token says whose sign-in it is of, no two are the same, and its hash is that of its text', () => {
  const [restaurantId, signInId] = [newId(), newId()]
  const { text, hash } = makeRefreshToken(tokens, restaurantId, signInId)
  expect(hash).toEqual(createHash('sha256').update(text).digest())
  expect(readRefreshToken(tokens, text)).toEqual({ restaurantId, signInId, hash })
  expect(makeRefreshToken(tokens, restaurantId, signInId).text).not.toBe(text)
})

test('A6, A15: a text that this server never gave out says nothing', () => {
  const id = newId()
  const idBytes = Buffer.from(id.replaceAll('-', ''), 'hex')
  const { text } = makeRefreshToken(tokens, id, id)
  for (const other of [
    '',
    'nonsense',
    `${text}A`,
    text.slice(1),
    makeRefreshToken(new Tokens('another secret key, long enough'), id, id).text,
    tokens.seal(Buffer.concat([idBytes, idBytes, Buffer.alloc(31)])),
    tokens.seal(Buffer.concat([idBytes, idBytes, Buffer.alloc(33)])),
    tokens.seal(Buffer.alloc(0)),
  ])
    expect(readRefreshToken(tokens, other), other).toBeNull()
})

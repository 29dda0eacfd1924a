import { expect, test } from 'vitest'
import { newId } from '../platform/ids.ts'
import { emailKey, keysOf, phoneKey } from './contact-keys.ts'
import { folded, piecesOf, wantedOf, wordsOf } from './search-text.ts'

/** How people are joined and found, as text alone. */

test('E2: one number is one key however it is written, and too few digits are none', () => {
  const one = [
    '+49 30 123456',
    '0049 (0)30 / 12 34 56',
    '+49-30-123 456',
    '+49 (0) 30 123456'.replace('(0) ', '(0)'),
    '＋４９３０１２３４５６',
  ]
  expect(new Set(one.map(phoneKey))).toEqual(new Set(['tel:+4930123456']))
  expect([phoneKey('030 123456'), phoneKey('(030) 12-34-56')]).toEqual(['tel:030123456', 'tel:030123456'])
  expect([null, '', '12345', 'ask Ben', '+1234567890123456'].map(phoneKey)).toEqual([null, null, null, null, null])
  expect([' Ada@Example.ORG ', 'ada', 'a b@c', null].map(emailKey)).toEqual([
    'mailto:ada@example.org',
    null,
    null,
    null,
  ])
  expect(keysOf({ phone: '555 123 456', email: 'A@b.c' })).toEqual(['tel:555123456', 'mailto:a@b.c'])
})

test('E4: case, accents and punctuation do not count', () => {
  expect(['Zoë  O’Brien-Šmíd', 'GROẞMANN', 'Łukasz', 'Æsa Ø', 'İpek', '+49 (0)30/12-34'].map(folded)).toEqual([
    'zoe o brien smid',
    'grossmann',
    'lukasz',
    'aesa o',
    'ipek',
    '49301234',
  ])
})

test('E4: whatever part of a word is typed, the person has all its pieces, and its words match', () => {
  const restaurantId = newId()
  const ada = { firstName: 'Ádá Maria', lastName: 'Østergård', phone: '+49 170 1234567', email: null }
  const words = wordsOf(ada)
  expect(words).toBe(' ada maria ostergard 491701234567')
  const has = new Set(piecesOf(restaurantId, words))
  const finds = (typed: string, own = restaurantId) => {
    const wanted = wantedOf(own, typed)
    if (!wanted) return null
    const isLike = (pattern: string) => words.includes(pattern.replaceAll('%', ''))
    return wanted.pieces.every((piece) => has.has(piece)) && wanted.patterns.every(isLike)
  }
  for (const word of ['ada', 'maria', 'ostergard', '491701234567'])
    for (let from = 0; from < word.length; from++)
      for (let to = from + 2; to <= word.length; to++) {
        const part = word.slice(from, to)
        if (!part.startsWith('0')) expect(finds(part), part).toBe(true)
      }
  expect(['ÖSTER', 'mar ada', '0170 12', '+49 (0)170-123', 'o 4567', 'm'].map((typed) => finds(typed))).toEqual(
    Array.from({ length: 6 }, () => true),
  )
  expect(['adab', 'maria x', '0171', 'r'].map((typed) => finds(typed))).toEqual([false, false, false, false])
  expect(['', ' -', '🍷'].map((typed) => finds(typed))).toEqual([null, null, null])
  // Another restaurant's pieces are other numbers.
  expect(finds('ostergard', newId())).toBe(false)
})

import { crc32 } from 'node:zlib'
import { phoneDigits, type Contact } from './contact-keys.ts'

/**
 * How any part of a name or phone number is found: each person has its words, folded, and the numbers of all their pieces
 * of two and three letters. A search asks an index for those who have all pieces of what is typed, and then compares the
 * words. Why not pg_trgm: docs/decisions/0022.
 */

const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ı: 'i',
}

/** Text without case, accents and punctuation: words with a space between. The digits of a number are one word. */
export function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[ßæœøłđðþı]/g, (letter) => LETTERS[letter]!)
    .replace(/\(0\)/g, '')
    .replace(/(?<=\d)[\s()/.-]+(?=\d)/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}

/** The words that a person is found by, with a space before each. */
export function wordsOf({ firstName, lastName, ...contact }: Named & Contact): string {
  const words = folded(`${firstName} ${lastName}`)
  const phone = phoneDigits(contact.phone)
  return [words, phone]
    .filter((each) => each !== null && each !== '')
    .map((each) => ` ${each}`)
    .join('')
}

interface Named {
  readonly firstName: string
  readonly lastName: string
}

/** The numbers of all pieces of some words. The restaurant is in each number, so one index serves all restaurants. */
export function piecesOf(restaurantId: string, words: string): number[] {
  const pieces = words.split(' ').flatMap((word) => {
    const letters = Array.from(` ${word}`)
    return letters.flatMap((letter, i) => [
      ...(i + 1 < letters.length ? [letter + letters[i + 1]!] : []),
      ...(i > 0 && i + 2 < letters.length ? [letter + letters[i + 1]! + letters[i + 2]!] : []),
    ])
  })
  return numbered(restaurantId, pieces)
}

/** What a search asks for: the pieces that a person must have, and patterns that its words must match. */
export interface Wanted {
  readonly pieces: readonly number[]
  readonly patterns: readonly string[]
}

/** Reads what somebody typed. Null where it has no letter and no digit. One letter finds words that begin with it. */
export function wantedOf(restaurantId: string, typed: string): Wanted | null {
  const words = folded(typed)
    .split(' ')
    // A number may be typed as it is dialled at home, and be stored with its country.
    .map((word) => (/^\d{3,}$/.test(word) ? word.replace(/^0+(?=\d)/, '') : word))
    .filter((word) => word !== '')
  if (words.length === 0) return null
  const pieces = words.flatMap((word) => {
    const letters = Array.from(word)
    if (letters.length === 1) return [` ${word}`]
    if (letters.length === 2) return [word]
    return letters.slice(2).map((_, i) => letters.slice(i, i + 3).join(''))
  })
  const patterns = words.map((word) => (Array.from(word).length === 1 ? `% ${word}%` : `%${word}%`))
  return { pieces: numbered(restaurantId, pieces), patterns }
}

const numbered = (restaurantId: string, pieces: readonly string[]): number[] => [
  ...new Set(pieces.map((piece) => crc32(`${restaurantId} ${piece}`) | 0)),
]

import { createHmac, hkdfSync } from 'node:crypto'

/** A hash that needs SECRET_KEY: a secret stored as such a hash cannot be guessed from the database alone. */
export type KeyedHash = (text: string) => Buffer

/** The keyed hash for one purpose. Hashes for different purposes have different keys, derived from SECRET_KEY. */
export function keyedHash(secretKey: string, purpose: string): KeyedHash {
  const key = Buffer.from(hkdfSync('sha256', secretKey, '', `qtable ${purpose}`, 32))
  return (text) => createHmac('sha256', key).update(text).digest()
}

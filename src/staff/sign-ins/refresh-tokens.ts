import { createHash, randomBytes } from 'node:crypto'
import { bytesOf, idIn } from '../../platform/ids.ts'
import type { Tokens } from '../../platform/tokens.ts'

/**
 * Refresh tokens: the restaurant's id, the sign-in's id and 32 random bytes, sealed with the server's key. So a token
 * says where to look for it. A text that this server never gave out is recognised without the database, and cannot
 * end anybody's sign-in.
 */

const ID_BYTES = 16
const RANDOM_BYTES = 32

/** A new token of a sign-in, and its SHA-256. Only the hash is stored. */
export function makeRefreshToken(
  tokens: Tokens,
  restaurantId: string,
  signInId: string,
): { readonly text: string; readonly hash: Buffer } {
  const text = tokens.seal(Buffer.concat([bytesOf(restaurantId), bytesOf(signInId), randomBytes(RANDOM_BYTES)]))
  return { text, hash: hashOf(text) }
}

/** The contents of a token, or null for a text that this server never gave out. */
export function readRefreshToken(
  tokens: Tokens,
  text: string,
): { readonly restaurantId: string; readonly signInId: string; readonly hash: Buffer } | null {
  const bytes = tokens.unseal(text)
  if (bytes?.length !== 2 * ID_BYTES + RANDOM_BYTES) return null
  return { restaurantId: idIn(bytes, 0), signInId: idIn(bytes, ID_BYTES), hash: hashOf(text) }
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest()

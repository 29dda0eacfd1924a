import { createHash } from 'node:crypto'
import { isId } from '../../platform/ids.ts'
import type { OldKind } from './database.ts'

// Any UUID would do; this one is for nothing else.
const NAMESPACE = Buffer.from('5d3f6a0e2b7c5c4d9a1e7f8046c3b2a1', 'hex')

/**
 * The id in QTable of a row of the old database: its own where that is a UUID, in lower case; otherwise a UUID of version 5 (RFC 9562
 * section 5.5) made of the kind of row and the old id, so that the same row has the same id every time. Spec: I2.
 */
export function idOf(kind: OldKind, old: string): string {
  const lower = old.toLowerCase()
  if (isId(lower)) return lower
  const hash = createHash('sha1').update(NAMESPACE).update(`${kind}:${old}`).digest()
  hash[6] = (hash[6]! & 0x0f) | 0x50
  hash[8] = (hash[8]! & 0x3f) | 0x80
  const hex = hash.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

import { randomFillSync, randomUUID } from 'node:crypto'

let lastMillis = 0
let counter = 0
// Random bytes are drawn in bulk: a call per id costs a third of the time of a small read.
const BYTES = 16
const pool = Buffer.alloc(BYTES * 256)
let used = pool.length

/**
 * A new UUID of version 7 (RFC 9562 section 5.7), lower case: 48 bits of milliseconds, a 12-bit counter that keeps the ids of one
 * process in order within a millisecond (section 6.2, method 1), 62 random bits.
 */
export function newId(nowMillis: number = Date.now()): string {
  if (nowMillis > lastMillis) {
    lastMillis = nowMillis
    counter = 0
  } else if (++counter > 0xfff) {
    lastMillis++
    counter = 0
  }
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  pool.writeUIntBE(lastMillis, used, 6)
  pool.writeUInt16BE(0x7000 | counter, used + 6)
  pool[used + 8] = (pool[used + 8]! & 0x3f) | 0x80
  used += BYTES
  return idIn(pool, used - BYTES)
}

/** The id in 16 bytes from `start` on. */
export function idIn(bytes: Buffer, start: number): string {
  const hex = bytes.toString('hex', start, start + BYTES)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The 16 bytes of an id. */
export const bytesOf = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex')

/** An id that does not reveal when it was made, for epochs. */
export const newEpoch = (): string => randomUUID()

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether a text is a UUID in the only accepted spelling: lower case, hyphens. */
export const isId = (text: string): boolean => FORM.test(text)

import { randomFillSync, randomUUID } from 'node:crypto'

let lastMillis = 0
let counter = 0
const random = Buffer.alloc(8)

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
  randomFillSync(random)
  random[0] = (random[0]! & 0x3f) | 0x80
  const time = lastMillis.toString(16).padStart(12, '0')
  const tail = random.toString('hex')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${tail.slice(0, 4)}-${tail.slice(4)}`
}

/** An id that says nothing about when it was made, for epochs. */
export const newEpoch = (): string => randomUUID()

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether a text is a UUID in the one spelling used here: lower case, hyphens. */
export const isId = (text: string): boolean => FORM.test(text)

import { canonicalJson } from '../src/changes/floor/canonical.ts'

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1
  return c
})

const utf8 = new TextEncoder()

/** CRC-32 of the UTF-8 bytes of a text: the one of zlib, PNG and Ethernet. 0 to 2^32 - 1. */
export function crc32(text: string): number {
  let crc = 0xffffffff
  for (const byte of utf8.encode(text)) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** What one entity adds to the sum of its state. */
export const sumOf = (kind: string, id: string, value: unknown): number =>
  crc32(`${kind}\n${id}\n${canonicalJson(value)}`)

/** Adds modulo 2^32; `b` may be negative, to take away. */
export const addSums = (a: number, b: number): number => (a + b) >>> 0

/** The hash as it is told: `214-0f9e8d7c`. */
export const hashText = (count: number, sum: number): string => `${count}-${sum.toString(16).padStart(8, '0')}`

import { expect, test } from 'vitest'
import { Frame, ping } from './ws-frame.ts'

// Length of the header, by the length of the payload (RFC 6455 section 5.2).
const HEADERS = [
  [0, 2],
  [1, 2],
  [125, 2],
  [126, 4],
  [65_535, 4],
  [65_536, 10],
  [300_000, 10],
] as const

test('W10: a frame is whole, unmasked text with the shortest header for its length', () => {
  for (const [length, start] of HEADERS) {
    const { bytes } = new Frame('x'.repeat(length))
    expect(bytes.length).toBe(start + length)
    expect(bytes[0]).toBe(0x81)
    expect(bytes[1]! & 0x80).toBe(0)
    const told = start === 2 ? bytes[1] : start === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
    expect(told).toBe(length)
    expect(bytes.subarray(start).toString()).toBe('x'.repeat(length))
  }
  const told = 'Käthe 🍽'
  expect(new Frame(told).bytes.subarray(2).toString()).toBe(told)
})

test('W10: sockets that are sent the same frames share one run, joined once; another order or a frame of its own makes another', () => {
  const [a, b, c] = [new Frame('a'), new Frame('b'), new Frame('c')]
  const own = new Frame('own', false)
  const ofOne = a.alone.and(b).and(c)
  const ofOther = a.alone.and(b).and(c)
  expect(ofOther).toBe(ofOne)
  expect(ofOther.joined).toBe(ofOne.joined)
  expect(ofOne.joined).toEqual(Buffer.concat([a.bytes, b.bytes, c.bytes]))
  expect([ofOne.count, ofOne.bytes]).toEqual([3, 9])
  expect(a.alone.and(c).joined).toEqual(Buffer.concat([a.bytes, c.bytes]))
  expect(a.alone.and(own).joined).toEqual(Buffer.concat([a.bytes, own.bytes]))
  expect(a.alone.and(b)).toBe(a.alone.and(b))
  // Its own one is nobody else's.
  expect(a.alone.and(own)).not.toBe(a.alone.and(own))
  expect(a.alone.joined).toBe(a.bytes)
})

test('W10, W4: a ping is whole, with nothing in it, and one for all', () => {
  expect([...ping.bytes]).toEqual([0x89, 0])
  expect([ping.isShared, new Frame('').isShared, new Frame('', false).isShared]).toEqual([true, true, false])
  const frame = new Frame('a')
  expect(frame.alone).toBe(frame.alone)
  expect([frame.alone.count, frame.alone.bytes]).toEqual([1, 3])
  const run = frame.alone.and(ping)
  expect(run.joined).toBe(run.joined)
  expect(run.joined).toEqual(Buffer.concat([frame.bytes, ping.bytes]))
})

test('W10: a run goes on with the frame that came after it first, for all who are sent that; others have their own', () => {
  const [a, b, c] = [new Frame('a'), new Frame('b'), new Frame('c')]
  const first = a.alone.and(b)
  const other = a.alone.and(c)
  expect(a.alone.and(b)).toBe(first)
  expect(a.alone.and(c)).not.toBe(other)
  // One of its own is remembered by none.
  const own = new Frame('own', false)
  const alone = b.alone.and(own)
  const shared = b.alone.and(a)
  expect(b.alone.and(a)).toBe(shared)
  expect(alone.joined).toEqual(Buffer.concat([b.bytes, own.bytes]))
})

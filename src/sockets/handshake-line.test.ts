import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { limits } from '../platform/limits.ts'
import { HandshakeLine } from './handshake-line.ts'

/** The server's end of a connection, and what is written to it. */
class End extends Duplex {
  said = ''
  override _read(): void {}
  override _write(text: Buffer, _: BufferEncoding, done: () => void): void {
    this.said += text.toString()
    done()
  }
}

/** Handshakes that come in one moment, by number: which were let in, in which order, and when. */
function crowd(count: number) {
  const line = new HandshakeLine()
  onTestFinished(() => line.close())
  const began = performance.now()
  const admitted: { n: number; millis: number }[] = []
  const sockets = Array.from({ length: count }, () => new End())
  sockets.forEach((socket, n) => line.enter(socket, () => void admitted.push({ n, millis: performance.now() - began })))
  const isIn = (n: number) => admitted.some((one) => one.n === n)
  return { line, admitted, sockets, isIn }
}

test('F7: of a crowd some are let in at once, the others in order and at a pace', async () => {
  const count = limits.handshakesAtOnce + 60
  const { admitted, line } = crowd(count)
  expect(admitted.map(({ n }) => n)).toEqual([...Array(limits.handshakesAtOnce).keys()])
  await expect.poll(() => admitted.length).toBe(count)
  expect(admitted.map(({ n }) => n)).toEqual([...Array(count).keys()])
  expect(line.length).toBe(0)
  // However slow the machine is: nobody is let in before the pace allows it.
  for (const [k, { millis }] of admitted.slice(limits.handshakesAtOnce).entries())
    expect(millis).toBeGreaterThan((k * 1_000) / limits.handshakesPerSecond - 1)
})

test('F7: a turn that comes late lets in no crowd', async () => {
  const { admitted } = crowd(limits.handshakesAtOnce + 500)
  const end = performance.now() + 400
  while (performance.now() < end);
  await sleep(25)
  expect(admitted.length - limits.handshakesAtOnce).toBeGreaterThan(0)
  expect(admitted.length - limits.handshakesAtOnce).toBeLessThan(60)
})

test('F7: one that is gone when its turn comes costs no turn', async () => {
  const { admitted, sockets, isIn } = crowd(limits.handshakesAtOnce + 3)
  sockets.at(-3)!.destroy()
  await expect.poll(() => admitted.length).toBe(limits.handshakesAtOnce + 2)
  expect(isIn(limits.handshakesAtOnce)).toBe(false)
})

test('F7: who has rested lets in as many at once as at first, and no more', async () => {
  const { line, admitted } = crowd(limits.handshakesAtOnce)
  await sleep((limits.handshakesAtOnce / limits.handshakesPerSecond) * 1_000 + 100)
  for (let n = 0; n < limits.handshakesAtOnce + 1; n++)
    line.enter(new End(), () => void admitted.push({ n, millis: 0 }))
  expect(admitted).toHaveLength(2 * limits.handshakesAtOnce)
  expect(line.length).toBe(1)
})

test('F7: a line that is full refuses, and so does one that closes', () => {
  const { line, sockets } = crowd(limits.handshakesAtOnce + limits.handshakesWaiting + 1)
  expect(line.length).toBe(limits.handshakesWaiting)
  const refusal = /^HTTP\/1\.1 503 Service Unavailable\r\nRetry-After: 2\r\n/
  expect(sockets.at(-1)!.said).toMatch(refusal)
  expect(sockets.at(-2)!.said).toBe('')
  line.close()
  expect(line.length).toBe(0)
  expect(sockets.at(-2)!.said).toMatch(refusal)
})

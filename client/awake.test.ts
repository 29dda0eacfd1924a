import { expect, test } from 'vitest'
import { EPOCH, line } from '../test/lines.ts'
import { device } from '../test/used-device.ts'

/** How soon a device notices that nobody is at the other end, with the clock in the test's hand. */

const pings = (said: readonly { readonly type: string }[]) => said.filter(({ type }) => type === 'ping').length

test('D14: a server that falls silent while a person looks is noticed after three seconds', async () => {
  const of = line()
  of.state.isWatched = true
  await of.live()
  await of.pass(999)
  expect(pings(of.last().said)).toBe(0)
  await of.pass(1)
  expect(pings(of.last().said)).toBe(1)
  await of.pass(1_999)
  // Whatever is heard is a sign of life, not only the answer.
  of.beat()
  await of.pass(2_999)
  expect([of.stream.state, pings(of.last().said)]).toEqual(['live', 2])
  await of.pass(1)
  expect([of.stream.state, of.last().isClosed, of.waits()]).toEqual(['waiting', true, [250]])
})

test('D14: where connections are lost one after the other, each next one has more time to answer, up to twelve seconds', async () => {
  const of = line()
  of.state.isWatched = true
  await of.live()
  const lasted: number[] = []
  for (let n = 0; n < 5; n++) {
    const before = of.state.now
    while (of.stream.state === 'live') await of.pass(100)
    lasted.push(Math.round((of.state.now - before) / 1_000))
    while (of.stream.state !== 'connecting') await of.pass(100)
    of.last().handlers.onOpen()
    await of.pass(1_000)
    of.say({ type: 'resumed', epoch: EPOCH, head: 4 })
  }
  expect(lasted).toEqual([3, 5, 9, 13, 13])
})

test('D14: while the floor comes in, and where nobody looks, silence may take its twelve seconds', async () => {
  const of = line()
  of.state.isWatched = true
  await of.greet()
  of.say({ type: 'resync', reason: 'new', epoch: EPOCH, head: 9 })
  await of.pass(11_999)
  expect([of.stream.state, pings(of.last().said)]).toEqual(['catching-up', 0])
  for (const isShown of [false, undefined]) {
    const unseen = await device(isShown === undefined ? {} : { isShown })
    await unseen.live()
    await unseen.pass(11_999)
    expect([unseen.qtable.status, pings(unseen.last().said)]).toEqual(['live', 0])
    await unseen.qtable.close()
    expect([unseen.qtable.status, unseen.waits()]).toEqual(['stopped', []])
  }
})

test('D14: shown again, a page asks at once, and replaces a socket that does not answer without waiting for its end', async () => {
  const of = await device({ isShown: true })
  await of.live()
  const first = of.last()
  // What is shown is watched without a word of anybody.
  await of.pass(1_000)
  expect(pings(first.said)).toBe(1)
  of.say({ type: 'pong' })
  first.said.length = 0
  of.state.tellShown!(false)
  await of.pass(500)
  of.state.tellShown!(true)
  expect(pings(first.said)).toBe(1)
  await of.pass(1_999)
  expect(of.qtable.status).toBe('live')
  await of.pass(1 + 250)
  // The first has not said that it is closed, and never will.
  expect([of.qtable.status, of.lines.length, first.isClosed]).toEqual(['connecting', 2, true])
  await of.qtable.close()
  expect([of.state.tellShown, of.waits()]).toEqual([null, []])
})

test('D14: a page that is opened, or hidden, wakes nobody; a clock that jumped while it was shown does', async () => {
  const of = await device({ isShown: true })
  await of.live()
  // Hidden at first; told twice, as some browsers do.
  const hidden = await device({ isShown: false })
  await hidden.live()
  hidden.state.tellShown!(false)
  expect(pings(hidden.last().said)).toBe(0)
  of.state.tellShown!(true)
  of.state.tellShown!(false)
  of.state.tellShown!(false)
  expect(pings(of.last().said)).toBe(0)
  const shown = await device({ isShown: true })
  await shown.live()
  shown.last().handlers.onClose(4403)
  await shown.pass(10_000)
  shown.sleep(2_999)
  await shown.pass(10_000)
  expect(shown.qtable.status).toBe('barred')
  shown.sleep(3_000)
  await shown.pass(2_000)
  expect([shown.qtable.status, shown.lines.length]).toEqual(['connecting', 2])
})

test('D14: whatever an attempt waited for when the machine slept is begun anew; nothing wakes what is not wanted', async () => {
  const of = await device()
  of.qtable.wake()
  expect([of.qtable.status, of.lines.length]).toEqual(['stopped', 0])
  of.qtable.start()
  await of.settle()
  of.qtable.wake()
  await of.settle()
  expect([of.qtable.status, of.lines.length, of.lines[0]!.isClosed]).toEqual(['connecting', 2, true])
  of.last().handlers.onClose(4403)
  expect(of.qtable.status).toBe('barred')
  of.qtable.wake()
  await of.settle()
  expect([of.qtable.status, of.lines.length]).toEqual(['connecting', 3])
  await of.qtable.signOut()
  of.qtable.wake()
  expect([of.qtable.status, of.lines.length]).toEqual(['signed-out', 3])
})

import { expect, test } from 'vitest'
import { change, EPOCH, line } from '../test/lines.ts'
import { limits } from './limits.ts'

/** How a socket begins and ends, and when the next one is tried, with the clock in the test's hand. */

test('D3: a socket that is silent for too long is let go of; whatever is heard puts that off', async () => {
  const of = line()
  await of.live()
  for (let n = 0; n < 3; n++) {
    await of.pass(11_999)
    of.say({ type: 'pong' })
  }
  expect([of.stream.state, of.last().isClosed]).toEqual(['live', false])
  await of.pass(11_999)
  expect(of.stream.state).toBe('live')
  await of.pass(1)
  expect([of.stream.state, of.last().isClosed, of.waits()]).toEqual(['waiting', true, [250]])
})

test('D3: opening, and the answer to the greeting, may take as long as silence may; talk of something else does not count', async () => {
  const never = line()
  never.stream.dispatch('start')
  await never.settle()
  expect(never.stream.state).toBe('connecting')
  await never.pass(12_000)
  expect([never.stream.state, never.last().isClosed]).toEqual(['waiting', true])
  const of = line()
  await of.greet()
  await of.pass(11_999)
  of.say({ type: 'pong' })
  await of.pass(1)
  expect(of.stream.state).toBe('waiting')
  // Answered in the last moment, what was missed has its own time to come.
  for (const answer of [
    { type: 'resumed', epoch: EPOCH, head: 9 },
    { type: 'resync', reason: 'new', epoch: EPOCH, head: 9 },
  ]) {
    const late = line()
    await late.greet()
    await late.pass(11_999)
    late.say(answer)
    await late.pass(11_999)
    expect(late.stream.state, answer.type).toBe('catching-up')
    await late.pass(1)
    expect(late.stream.state).toBe('waiting')
  }
})

test('D3: waits double while nothing lasts, and begin anew after a connection of a minute', async () => {
  const of = line()
  await of.greet()
  const waits: number[] = []
  const lose = async (after: number) => {
    await of.pass(1_000)
    of.say({ type: 'resumed', epoch: EPOCH, head: 4 })
    for (let left = after - 1_000; left > 0; left -= 10_000) {
      await of.pass(Math.min(left, 10_000))
      of.say({ type: 'pong' })
    }
    expect(of.stream.state).toBe('live')
    of.last().handlers.onClose(1006)
    expect(of.stream.state).toBe('waiting')
    waits.push(...of.waits())
    await of.pass(of.waits()[0]!)
    expect(of.stream.state).toBe('connecting')
    of.last().handlers.onOpen()
  }
  for (const lasts of [1_000, 1_000, 59_999, 60_000, 1_000]) await lose(lasts)
  expect(waits).toEqual([250, 500, 1_000, 250, 500])
  // A socket that never opened lasted for no time at all.
  of.last().handlers.onClose(1006)
  await of.pass(of.waits()[0]!)
  await of.pass(11_000)
  of.state.now += 60_000
  of.last().handlers.onClose(1006)
  expect(of.waits()).toEqual([2_000])
})

test('D3: the code of its end says what a socket ended for', async () => {
  const after = async (code: number) => {
    const of = line()
    await of.live()
    of.last().handlers.onClose(code)
    return [of.stream.state, of.waits(), await of.session.token().catch((error: { code: string }) => error.code)]
  }
  expect(await after(1006)).toEqual(['waiting', [250], 'a'])
  // The token is not used again.
  expect(await after(4401)).toEqual(['waiting', [250], 'unreachable'])
  expect(await after(4403)).toEqual(['barred', [60_000], 'a'])
  expect(await after(4404)).toEqual(['waiting', [250], 'a'])
})

test('D3: a server that says when to come back is taken at its word, up to a minute', async () => {
  for (const [afterMillis, wait] of [
    [700, 700],
    [-5, 0],
    [61_000, 60_000],
  ]) {
    const of = line()
    await of.live()
    of.say({ type: 'reconnect', afterMillis })
    expect([of.stream.state, of.last().isClosed, of.waits()]).toEqual(['waiting', true, [wait]])
    await of.pass(wait!)
    expect(of.lines).toHaveLength(2)
  }
})

test('D3: what a socket that is gone still says counts for nothing', async () => {
  const of = line()
  await of.live()
  const { handlers } = of.last()
  handlers.onClose(1006)
  const { changes } = of.state
  handlers.onOpen()
  handlers.onText(JSON.stringify({ type: 'changes', changes: [change(5)] }))
  handlers.onClose(4403)
  expect([of.stream.state, of.confirmed.seq, of.state.changes]).toEqual(['waiting', 4, changes])
  // Stopped while it was getting a token: no socket is opened.
  const stopped = line()
  stopped.stream.dispatch('start')
  stopped.stream.dispatch('stop')
  await stopped.settle()
  expect([stopped.lines, stopped.stream.state, stopped.waits()]).toEqual([[], 'stopped', []])
  // Nor does it count that there was no token.
  const out = line()
  out.session.restore(undefined)
  out.stream.dispatch('start')
  out.stream.dispatch('stop')
  await out.settle()
  expect(out.stream.state).toBe('stopped')
})

test('D3, D5: without a token it waits for a person, or for the network', async () => {
  const out = line()
  out.session.restore(undefined)
  out.stream.dispatch('start')
  await out.settle()
  expect([out.stream.state, out.waits()]).toEqual(['signed-out', []])
  const offline = line()
  offline.session.expire('a')
  offline.stream.dispatch('start')
  await offline.settle()
  expect([offline.stream.state, offline.waits(), offline.lines]).toEqual(['waiting', [250], []])
})

test('D3: stopped, it leaves no timer and no socket, and says so once', async () => {
  const of = line()
  await of.live()
  of.say({ type: 'changes', changes: [change(5)] })
  const { changes } = of.state
  of.stream.dispatch('stop')
  expect([of.stream.state, of.last().isClosed, of.waits(), of.state.changes]).toEqual([
    'stopped',
    true,
    [],
    changes + 1,
  ])
  of.stream.dispatch('stop')
  of.stream.dispatch('retry')
  expect([of.stream.state, of.state.changes]).toEqual(['stopped', changes + 1])
})

test('D2: how far it is applied is told once a second at most, the newest', async () => {
  const of = line()
  await of.live()
  const told = () => of.last().said.flatMap(({ type, seq }) => (type === 'applied' ? [seq] : []))
  of.say({ type: 'changes', changes: [change(5)] })
  of.say({ type: 'changes', changes: [change(6)] })
  await of.pass(0)
  expect(told()).toEqual([6])
  await of.pass(400)
  of.say({ type: 'changes', changes: [change(7)] })
  await of.pass(599)
  of.say({ type: 'changes', changes: [change(8)] })
  expect(told()).toEqual([6])
  await of.pass(1)
  expect(told()).toEqual([6, 8])
  // A clock that was set back does not keep it silent, however many changes come.
  of.state.now -= 60_000
  of.say({ type: 'changes', changes: [change(9)] })
  await of.pass(600)
  of.say({ type: 'changes', changes: [change(10)] })
  await of.pass(400)
  expect(told()).toEqual([6, 8, 10])
})

test('D2: while what was missed comes in it is shown a few times a second, and at its end', async () => {
  const of = line()
  await of.greet()
  of.say({ type: 'resumed', epoch: EPOCH, head: 9 })
  const { changes } = of.state
  const shown = async (seq: number, millis: number) => {
    await of.pass(millis)
    of.say({ type: 'changes', changes: [change(seq)] })
    return of.state.changes - changes
  }
  const { catchUpMillis } = limits
  expect([await shown(5, 0), await shown(6, catchUpMillis - 1), await shown(7, 1), await shown(8, 0)]).toEqual([
    1, 1, 2, 2,
  ])
  // The last: once for what it shows, once for being live.
  expect([await shown(9, 0), of.stream.state]).toEqual([4, 'live'])
  expect([await shown(10, 0), await shown(11, 0)]).toEqual([5, 6])
  // Behind when it is live already: each counts.
  of.beat({ head: 20 })
  expect([await shown(12, 0), await shown(13, 0)]).toEqual([7, 8])
})

test('D2: a snapshot that was awaited on one socket is not awaited on the next', async () => {
  const of = line()
  await of.greet()
  of.say({ type: 'resync', reason: 'new', epoch: EPOCH, head: 4 })
  of.last().handlers.onClose(1006)
  await of.pass(250)
  of.last().handlers.onOpen()
  await of.pass(1_000)
  of.say({ type: 'resumed', epoch: EPOCH, head: 5 })
  of.say({ type: 'changes', changes: [change(5)] })
  expect([of.stream.state, of.confirmed.seq]).toEqual(['live', 5])
  // Nor does it matter where the device stood at a heartbeat of then.
  of.beat({ head: 6 })
  of.last().handlers.onClose(1006)
  await of.pass(500)
  of.last().handlers.onOpen()
  await of.pass(1_000)
  of.say({ type: 'resumed', epoch: EPOCH, head: 5 })
  of.beat({ head: 6 })
  expect(of.stream.state).toBe('live')
})

import { expect, test } from 'vitest'
import { change, EPOCH, guest, line, snapshot } from '../test/lines.ts'

/** A socket's life and what comes over it, with the server's side and the clock in the test's hand. */

const hellos = (of: ReturnType<typeof line>) => of.last().said.filter(({ type }) => type === 'hello')

test('D2: a device greets with what it holds, and is live at once where it missed nothing', async () => {
  const of = line(snapshot(4), 'Bar')
  await of.greet()
  expect([of.stream.state, of.last().url, of.last().token]).toEqual(['greeting', 'wss://q/stream', 'a'])
  const at = '2026-11-23T12:00:00.000000Z'
  expect(of.last().said).toEqual([{ type: 'hello', token: 'a', epoch: EPOCH, since: 4, at, device: 'Bar' }])
  const { changes } = of.state
  of.say({ type: 'resumed', epoch: EPOCH, head: 4 })
  expect([of.stream.state, of.state.synced]).toEqual(['live', 1])
  expect(of.state.changes).toBeGreaterThan(changes)
  const empty = line(null)
  await empty.greet()
  expect(empty.last().said).toEqual([{ type: 'hello', token: 'a' }])
  const timeless = line({ ...snapshot(0), at: null })
  await timeless.greet()
  expect(timeless.last().said).toEqual([{ type: 'hello', token: 'a', epoch: EPOCH, since: 0 }])
})

test('D2: what was missed is applied in order and once; the device is live when it stands at the head', async () => {
  const of = line()
  await of.greet()
  of.say({ type: 'resumed', epoch: EPOCH, head: 6 })
  expect([of.stream.state, of.state.synced]).toEqual(['catching-up', 0])
  of.say({ type: 'changes', changes: [change(4), change(5)] })
  expect([of.stream.state, of.applied, of.state.synced]).toEqual(['catching-up', [5], 0])
  of.say({ type: 'changes', changes: [change(6)] })
  expect([of.stream.state, of.applied, of.state.synced]).toEqual(['live', [5, 6], 1])
  of.say({ type: 'changes', changes: [change(7)] })
  expect([of.confirmed.seq, of.state.synced]).toEqual([7, 2])
  of.say({ type: 'pong' })
  of.last().handlers.onText('{"type":"of a later version"}')
  expect([of.stream.state, of.state.synced]).toEqual(['live', 2])
})

test('D2: after a resync only the snapshot counts, and then what follows it', async () => {
  const of = line()
  await of.greet()
  of.say({ type: 'resync', reason: 'too-old', epoch: EPOCH, head: 9 })
  of.say({ type: 'changes', changes: [change(5), change(9)] })
  of.beat({ head: 9, epoch: 'other' })
  expect([of.stream.state, of.confirmed.seq, of.applied]).toEqual(['catching-up', 4, []])
  const { changes } = of.state
  of.say({ type: 'snapshot', ...snapshot(8, guest('a')) })
  expect([of.stream.state, of.confirmed.seq, of.confirmed.size, of.state.changes]).toEqual([
    'catching-up',
    8,
    1,
    changes + 1,
  ])
  of.say({ type: 'changes', changes: [change(9)] })
  expect([of.stream.state, of.applied, of.state.synced]).toEqual(['live', [9], 1])
  // One that is newer than the head that was told of needs nothing more.
  const newer = line(null)
  await newer.greet()
  newer.say({ type: 'resync', reason: 'new', epoch: EPOCH, head: 1 })
  newer.say({ type: 'snapshot', ...snapshot(3) })
  expect(newer.stream.state).toBe('live')
})

test('D2: after a gap, or news of another log, the device asks from where it stands, once a second at most', async () => {
  for (const [missed, since] of [
    [change(6), 0],
    [change(5, 'other'), 400],
  ] as const) {
    const of = line()
    await of.live()
    await of.pass(since)
    of.say({ type: 'changes', changes: [missed, change(5)] })
    expect([of.stream.state, of.confirmed.seq, of.applied]).toEqual(['greeting', 4, []])
    await of.pass(999 - since)
    expect(hellos(of)).toHaveLength(1)
    await of.pass(1)
    expect(hellos(of)[1]).toMatchObject({ epoch: EPOCH, since: 4 })
    expect(of.lines).toHaveLength(1)
    of.say({ type: 'resumed', epoch: EPOCH, head: 4 })
    // A second is over: at once.
    await of.pass(1_000)
    of.say({ type: 'changes', changes: [change(6)] })
    expect(hellos(of)).toHaveLength(3)
    of.say({ type: 'resumed', epoch: EPOCH, head: 4 })
    // A clock that was set back is no reason to wait for longer.
    of.state.now -= 60_000
    of.say({ type: 'changes', changes: [change(6)] })
    expect(hellos(of)).toHaveLength(4)
  }
})

test('D2: whoever resumes another log than the one held is not believed', async () => {
  const of = line()
  await of.greet()
  of.say({ type: 'resumed', epoch: 'other', head: 4 })
  expect(of.stream.state).toBe('greeting')
  await of.pass(12_000)
  expect([of.stream.state, of.last().isClosed]).toEqual(['waiting', true])
})

test('D2: a message that is not what it says is taken for nothing, and the state is fetched anew', async () => {
  const of = line()
  await of.live()
  await of.pass(1_000)
  of.say({ type: 'changes', changes: [{ ...change(5), entries: null }] })
  expect([of.stream.state, hellos(of).length]).toEqual(['greeting', 2])
  expect(hellos(of)[1]).toEqual({ type: 'hello', token: 'a' })
})

test('D2: a device that a heartbeat finds behind twice at one place asks anew; one that comes on is let be', async () => {
  const of = line()
  await of.live()
  await of.pass(1_000)
  of.beat({ head: 6 })
  of.say({ type: 'changes', changes: [change(5)] })
  of.beat({ head: 6 })
  expect([of.stream.state, of.state.synced]).toEqual(['live', 2])
  of.say({ type: 'changes', changes: [change(6)] })
  of.beat()
  of.beat({ head: 7 })
  expect(of.stream.state).toBe('live')
  of.beat({ head: 7 })
  expect([of.stream.state, hellos(of).length]).toEqual(['greeting', 2])
  expect(hellos(of)[1]).toMatchObject({ epoch: EPOCH, since: 6 })
  // What is heard while it greets is of before.
  of.beat({ epoch: 'other' })
  of.beat({ head: 8 })
  of.beat({ head: 8 })
  expect(hellos(of)).toHaveLength(2)
  of.say({ type: 'resumed', epoch: EPOCH, head: 7 })
  expect(of.stream.state).toBe('catching-up')
  of.beat({ head: 7 })
  expect(of.stream.state).toBe('catching-up')
  // Of another log: asked at once.
  await of.pass(1_000)
  of.beat({ epoch: 'other' })
  expect([of.stream.state, hellos(of).length]).toEqual(['greeting', 3])
  expect(hellos(of)[2]).toMatchObject({ epoch: EPOCH, since: 6 })
})

test('D2: a heartbeat tells that the state is the newest, and lets go of visits that are over', async () => {
  const of = line(snapshot(4, guest('a'), guest('b', { endedAt: '2026-11-21T00:00:00.000000Z' })))
  await of.live()
  const { changes } = of.state
  of.beat()
  expect([of.state.synced, of.state.changes]).toEqual([2, changes])
  // One that a change overtook says nothing of what is held now: neither horizon nor hash.
  of.beat({ head: 3, horizon: '2026-11-22T00:00:00.000000Z', hash: 'another' })
  expect([of.state.synced, of.confirmed.size, of.stream.repairs]).toEqual([2, 2, 0])
  const pruned = line(snapshot(4, guest('a')))
  of.beat({ horizon: '2026-11-22T00:00:00.000000Z', hash: pruned.confirmed.hash() })
  expect([of.confirmed.size, of.stream.state, of.stream.repairs]).toEqual([1, 'live', 0])
  expect([of.state.synced, of.state.changes]).toEqual([3, changes + 1])
  // By an earlier horizon than the device's own, another hash is no fault.
  of.beat({ hash: 'another' })
  expect([of.stream.state, of.stream.repairs, of.state.synced]).toEqual(['live', 0, 4])
})

test('D2: a state that went wrong is fetched anew, ever more rarely where that does not help', async () => {
  const of = line(snapshot(4, guest('a')))
  await of.live()
  await of.pass(1_000)
  const repaired = async () => {
    const [before, synced] = [of.stream.repairs, of.state.synced]
    of.beat({ hash: 'another' })
    if (of.stream.repairs === before) return false
    expect([of.stream.state, of.state.synced, of.stream.repairs]).toEqual(['greeting', synced, before + 1])
    await of.pass(1_000)
    expect(hellos(of).at(-1)).toEqual({ type: 'hello', token: 'a' })
    of.say({ type: 'resync', reason: 'new', epoch: EPOCH, head: 4 })
    of.say({ type: 'snapshot', ...snapshot(4, guest('a')), hash: 'yet another' })
    expect(of.stream.state).toBe('live')
    return true
  }
  const pass = async (millis: number) => {
    for (let left = millis; left > 0; left -= 5_000) {
      await of.pass(Math.min(left, 5_000))
      of.say({ type: 'pong' })
    }
  }
  const found: boolean[] = []
  const doubling = [0, 2_999, 1, 6_999, 1, 14_999, 1, 31_000, 63_000, 127_000, 255_000]
  for (const wait of [...doubling, 298_999, 1, 298_999, 1]) {
    await pass(wait)
    found.push(await repaired())
  }
  const [yes, no] = [true, false]
  expect(found).toEqual([yes, no, yes, no, yes, no, yes, yes, yes, yes, yes, no, yes, no, yes])
  // A hash that is right ends that: the next fault is mended at once, and the one after it soon.
  of.beat()
  expect([await repaired(), await repaired()]).toEqual([true, false])
  await pass(3_000)
  expect(await repaired()).toBe(true)
  // So does a snapshot with the hash that it says.
  of.stream.dispatch('diverged')
  await of.pass(1_000)
  of.say({ type: 'resync', reason: 'new', epoch: EPOCH, head: 4 })
  of.say({ type: 'snapshot', ...snapshot(4), hash: '0-00000000' })
  expect(await repaired()).toBe(true)
})

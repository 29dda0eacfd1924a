import { expect, test } from 'vitest'
import { QTable } from './client.ts'
import { limits } from './limits.ts'
import { Confirmed } from './state.ts'
import { MemoryStorage } from './storage.ts'
import type { SocketHandlers, Surroundings } from './surroundings.ts'
import type { Change, Entity } from './words.ts'

/** A device that comes back after thousands of changes: what that costs it grows with what it shows in the end, counted and not timed. */

const EPOCH = '00000000-0000-4000-8000-000000000001'
const AT = '2026-11-28T18:00:00.000000Z'
const GUESTS = 50

const guest = (n: number, version: number): Entity => {
  const id = `00000000-0000-4000-8000-${String(n % GUESTS).padStart(12, '0')}`
  return { kind: 'guest', id, version, value: { id, version, notes: `edit ${n}`, endedAt: null } }
}
const snapshot = (seq: number) => {
  const entities = Array.from({ length: GUESTS }, (_, n) => guest(n, 1))
  return { epoch: EPOCH, seq, at: AT, horizon: '2026-11-20T00:00:00.000000Z', entities }
}
const change = (seq: number): Change => ({
  epoch: EPOCH,
  seq,
  at: AT,
  command: 'update-guest',
  mutationId: `of another ${seq}`,
  actorId: null,
  device: null,
  entries: [{ op: 'put', ...guest(seq, seq) }],
})

/** How many checksums `work` makes. */
function sumsIn(work: () => void): number {
  const prototype = TextEncoder.prototype as { encode: (this: unknown, text?: string) => Uint8Array }
  const { encode } = prototype
  let sums = 0
  prototype.encode = function (text) {
    sums++
    return encode.call(this, text)
  }
  try {
    work()
  } finally {
    prototype.encode = encode
  }
  return sums
}

test('D2: of thousands of changes each entity is summed once, not each change, and the hash is the one made from nothing', () => {
  const confirmed = new Confirmed()
  confirmed.take(snapshot(0))
  const missed = 5_000
  let hash = ''
  const sums = sumsIn(() => {
    for (let seq = 1; seq <= missed; seq++) expect(confirmed.apply(change(seq))).toBe('applied')
    hash = confirmed.hash()
  })
  expect(sums).toBe(GUESTS)
  const anew = new Confirmed()
  anew.take(confirmed.snapshot()!)
  expect(anew.hash()).toBe(hash)
  expect(sumsIn(() => confirmed.hash())).toBe(0)
  // Dropped before and after it was summed.
  confirmed.apply(change(missed + 1))
  confirmed.apply({ ...change(missed + 2), entries: [{ op: 'drop', kind: 'guest', id: guest(1, 1).id, version: 9 }] })
  anew.take(confirmed.snapshot()!)
  expect([confirmed.hash(), confirmed.size]).toEqual([anew.hash(), GUESTS - 1])
})

/** A device that was signed in and stored what it held, and the server's side of its socket. */
async function returning() {
  const storage = new MemoryStorage()
  await storage.write([
    { put: 'account', value: { restaurantId: 'r', staffId: 's' } },
    {
      put: 'tokens',
      value: {
        accessToken: 'a',
        refreshToken: 'b',
        expiresAt: 600_000,
        lifeMillis: 600_000,
        staffId: 's',
        restaurantId: 'r',
        role: 'host',
      },
    },
    { put: 'r/s/state', value: snapshot(0) },
  ])
  const state = { now: 0, handlers: null as SocketHandlers | null, said: [] as string[] }
  const at: Surroundings = {
    storage,
    fetch: () => Promise.reject(new Error('no network')),
    openSocket: (_, __, handlers) => {
      state.handlers = handlers
      return { send: (text) => void state.said.push(text), close: () => undefined }
    },
    now: () => state.now,
    random: () => 0.5,
    after: () => () => undefined,
    alone: (_, work) => work(),
  }
  return { state, qtable: await QTable.open(at, { server: 'http://server.example' }) }
}

test('D2: what was missed is shown a few times a second while it comes in, and whole at the end', async () => {
  const { state, qtable } = await returning()
  const shown: number[] = []
  qtable.subscribe(() => shown.push(qtable.confirmed.seq))
  qtable.start()
  await expect.poll(() => state.handlers).not.toBeNull()
  state.handlers!.onOpen()
  await expect.poll(() => state.said.length).toBe(1)
  const [frames, each] = [100, 100]
  const say = (message: object) => state.handlers!.onText(JSON.stringify(message))
  say({ type: 'resumed', epoch: EPOCH, head: frames * each })
  await Promise.resolve()
  shown.length = 0
  for (let frame = 0; frame < frames; frame++) {
    state.now += 20
    say({ type: 'changes', changes: Array.from({ length: each }, (_, n) => change(frame * each + n + 1)) })
    await Promise.resolve()
  }
  expect(qtable.status).toBe('live')
  expect(shown.at(-1)).toBe(frames * each)
  expect(shown.length).toBeLessThanOrEqual(2 + (frames * 20) / limits.catchUpMillis)
  expect(shown.length).toBeGreaterThan(2)
  expect(qtable.floor.guests).toHaveLength(GUESTS)
  // Live, each is shown as it comes.
  const before = shown.length
  for (let n = 1; n <= 3; n++) {
    say({ type: 'changes', changes: [change(frames * each + n)] })
    await Promise.resolve()
  }
  expect(shown.length).toBe(before + 3)
})

import type { Mutation, Verdict } from '../client/mutations.ts'
import { Queue } from '../client/queue.ts'
import { MemoryStorage, type Op } from '../client/storage.ts'
import type { Surroundings } from '../client/surroundings.ts'

/** The client's queue of mutations with a clock and an answering server that the test turns by hand. */

export const mutation = (n: number, more: Partial<Mutation> = {}): Mutation => ({
  id: `m${n}`,
  command: 'add-guest',
  method: 'POST',
  path: '/guests',
  params: {},
  body: { n },
  version: null,
  madeAt: `2026-11-23T12:00:0${n}.000000Z`,
  device: null,
  ...more,
})
export const done = (seq: number | null): Verdict => ({ kind: 'done', seq, result: { seq } })
export const refused = {
  kind: 'refused',
  conflict: { status: 409, code: 'table-not-free', title: 'Taken', current: null, changed: null },
} as const satisfies Verdict
export const later = (afterMillis: number | null = null): Verdict => ({ kind: 'later', afterMillis })

/** Lets everything that is under way come as far as it can. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

interface Timer {
  readonly millis: number
  readonly call: () => void
}

/** A queue over a storage that may fail; each mutation that is sent waits for `answer`. */
export async function house(stored: MemoryStorage = new MemoryStorage()) {
  const state = { epoch: 'e' as string | null, fails: false, changes: 0, now: 0 }
  const timers: Timer[] = []
  const sent: Mutation[] = []
  const writes: (readonly Op[])[] = []
  let answers: ((verdict: Verdict) => void)[] = []
  const storage = {
    load: () => stored.load(),
    get: (key: string) => stored.get(key),
    clear: () => stored.clear(),
    close: () => stored.close(),
    write: (ops: readonly Op[]) => {
      if (state.fails) return Promise.reject(new Error('full'))
      writes.push(ops)
      return stored.write(ops)
    },
  }
  const at = {
    storage,
    random: () => 1,
    after: (millis: number, call: () => void) => {
      const timer = { millis, call }
      timers.push(timer)
      return () => void timers.splice(0, timers.length, ...timers.filter((each) => each !== timer))
    },
  } as Pick<Surroundings, 'storage' | 'random' | 'after'> as Surroundings
  const queue = new Queue(
    {
      at,
      prefix: 'a/',
      send: (one) => {
        sent.push(one)
        return new Promise((resolve) => answers.push(resolve))
      },
      epoch: () => state.epoch,
      instant: () => `2026-11-23T13:00:0${state.now++}.000000Z`,
      changed: () => void state.changes++,
    },
    await stored.load(),
  )
  const answer = async (verdict: Verdict) => {
    await settle()
    const [first, ...rest] = answers
    answers = rest
    first!(verdict)
    await settle()
  }
  const tick = async () => {
    timers.splice(0, 1)[0]!.call()
    await settle()
  }
  const keys = async () => [...(await stored.load()).keys()].sort()
  return { at, queue, state, stored, timers, sent, writes, answer, tick, keys }
}

import { Session, type Tokens } from '../client/session.ts'
import { Confirmed } from '../client/state.ts'
import { MemoryStorage } from '../client/storage.ts'
import { Stream } from '../client/stream.ts'
import type { FetchRequest, SocketHandlers, Surroundings } from '../client/surroundings.ts'
import type { Change, Entity, Snapshot } from '../client/words.ts'
import { settle } from './queues.ts'

/** The client, or its stream alone, with a clock, sockets and a server's side that the test turns by hand. */

export const EPOCH = 'e'
const AT = '2026-11-23T12:00:00.000000Z'
export const HORIZON = '2026-11-20T00:00:00.000000Z'

export const guest = (id: string, more: object = {}): Entity => ({
  kind: 'guest',
  id,
  version: 1,
  value: { id, endedAt: null, ...more },
})
export const snapshot = (seq: number, ...entities: Entity[]): Snapshot => ({
  epoch: EPOCH,
  seq,
  at: AT,
  horizon: HORIZON,
  entities,
})
export const change = (seq: number, epoch = EPOCH): Change => ({
  epoch,
  seq,
  at: AT,
  command: 'test',
  mutationId: null,
  actorId: null,
  device: null,
  entries: [{ op: 'put', ...guest(`g${seq}`) }],
})

interface Line {
  readonly url: string
  readonly token: string
  readonly handlers: SocketHandlers
  readonly said: { readonly type: string; readonly [name: string]: unknown }[]
  isClosed: boolean
}

/** Status and body; null: the answer is lost. */
export type Reply = readonly [number, object] | null

/** A device's machine: time passes when the test says so, sockets say what the test says, requests are answered by `answer`. With `isShown` it says who looks. */
export function machine(storage: MemoryStorage = new MemoryStorage(), isShown?: boolean) {
  const state = {
    now: 1_000_000,
    answer: (async () => null) as (url: string, request: FetchRequest) => Reply | Promise<Reply>,
    tellNetwork: null as ((up: boolean) => void) | null,
    /** Null: the machine does not say who looks. */
    tellShown: null as ((shown: boolean) => void) | null,
  }
  const timers = new Set<{ due: number; readonly call: () => void }>()
  const lines: Line[] = []
  const at: Surroundings = {
    storage,
    fetch: async (url, request) => {
      const answered = await state.answer(url, request)
      if (!answered) throw new Error('no network')
      const [status, body] = answered
      return { status, headers: { get: () => null }, text: () => Promise.resolve(JSON.stringify(body)) }
    },
    openSocket: (url, token, handlers) => {
      const opened: Line = { url, token, handlers, said: [], isClosed: false }
      lines.push(opened)
      return {
        send: (text) => void opened.said.push(JSON.parse(text) as Line['said'][number]),
        close: () => void (opened.isClosed = true),
      }
    },
    now: () => state.now,
    random: () => 1,
    after: (millis, call) => {
      const timer = { due: state.now + millis, call }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    alone: (_, work) => work(),
    watchNetwork: (tell) => {
      state.tellNetwork = tell
      return () => void (state.tellNetwork = null)
    },
    ...(isShown !== undefined && {
      watchShown: (tell: (shown: boolean) => void) => {
        state.tellShown = tell
        tell(isShown)
        return () => void (state.tellShown = null)
      },
    }),
  }
  const last = () => lines.at(-1)!
  const say = (message: object) => last().handlers.onText(JSON.stringify(message))
  /** Lets time go by: what falls due is called in its order. */
  const pass = async (millis: number) => {
    const end = state.now + millis
    const due = () => [...timers].filter((each) => each.due <= end).toSorted((a, b) => a.due - b.due)[0]
    for (let next = due(); next; next = due()) {
      state.now = next.due
      timers.delete(next)
      next.call()
      await settle()
    }
    state.now = end
  }
  /** The machine sleeps: its clock goes on, its timers stand still. */
  const sleep = (millis: number) => {
    state.now += millis
    for (const timer of timers) timer.due += millis
  }
  /** How long each timer has to go. */
  const waits = () => [...timers].map(({ due }) => due - state.now).toSorted((a, b) => a - b)
  return { at, state, lines, last, say, pass, sleep, waits, settle }
}

const life = { expiresAt: 1e12, lifeMillis: 1e12 }
/** A sign-in for longer than a test lasts. */
export const TOKENS_OF_S: Tokens = {
  accessToken: 'a',
  refreshToken: 'b',
  ...life,
  staffId: 's',
  restaurantId: 'r',
  role: 'host',
}

/** The stream of a device that holds `held` and is signed in, not started. Its waits are the longest that they may be. */
export function line(held: Snapshot | null = snapshot(4), device?: string) {
  const { at, state: clock, say, ...rest } = machine()
  const state = Object.assign(clock, { changes: 0, synced: 0, isWatched: false })
  const applied: number[] = []
  const heard: string[] = []
  const session = new Session(at, 'https://q', () => undefined)
  session.restore(TOKENS_OF_S)
  const confirmed = new Confirmed()
  if (held) confirmed.take(held)
  const stream = new Stream(
    {
      at,
      session,
      confirmed,
      url: 'wss://q/stream',
      device,
      onChange: ({ seq }) => void applied.push(seq),
      changed: () => void state.changes++,
      moved: () => void state.changes++,
      heard: (said) => void heard.push(said),
      isWatched: () => state.isWatched,
      synced: () => void state.synced++,
    },
    'stopped',
  )
  const beat = (more: object = {}) => {
    const [head, hash] = [confirmed.seq, confirmed.hash()]
    say({ type: 'heartbeat', epoch: EPOCH, head, at: AT, horizon: HORIZON, hash, ...more })
  }
  /** Opens a socket that the server takes. */
  const greet = async () => {
    stream.dispatch('start')
    await settle()
    rest.last().handlers.onOpen()
  }
  const live = async () => {
    await greet()
    say({ type: 'resumed', epoch: EPOCH, head: confirmed.seq })
  }
  return { ...rest, state, say, stream, session, confirmed, applied, heard, beat, greet, live }
}

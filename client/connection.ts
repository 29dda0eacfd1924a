/** The life of a connection as one total table: what happens in each state at each event. Pure; stream.ts does what it says. Spec: D3. */

/**
 * - `stopped`: not wanted.
 * - `signed-out`: a person must sign in.
 * - `offline`: the device says that it has no network. Tried all the same, now and then.
 * - `waiting`: between two attempts.
 * - `connecting`: getting a token, opening the socket.
 * - `greeting`: `hello` is sent, its answer is awaited.
 * - `catching-up`: what was missed is on its way.
 * - `live`: the state is the newest there is.
 * - `barred`: the restaurant is suspended or someone else's. Tried again every minute.
 */
export const STATES = [
  'stopped',
  'signed-out',
  'offline',
  'waiting',
  'connecting',
  'greeting',
  'catching-up',
  'live',
  'barred',
] as const
export type State = (typeof STATES)[number]

/**
 * - `signed-out`: there is no token, or the user signed out; `refresh-refused`: the server ended the sign-in.
 * - `unreachable`: no token was to be had now.
 * - `gap`: changes are missing; `diverged`: the hash is another one.
 * - `advised`: the server said when to come back.
 * - `unauthorized`, `forbidden`, `closed`: the socket was closed with 4401, 4403, or anything else.
 * - `silence`: nothing was heard for too long. `retry`: the wait is over.
 * - `wake`: a person looks again, or the machine slept: what is held may be dead without a word.
 */
export const EVENTS = [
  'start',
  'stop',
  'signed-in',
  'signed-out',
  'refresh-refused',
  'unreachable',
  'opened',
  'resumed',
  'resync',
  'caught-up',
  'gap',
  'diverged',
  'advised',
  'closed',
  'unauthorized',
  'forbidden',
  'silence',
  'retry',
  'network-up',
  'network-down',
  'wake',
] as const
export type Event = (typeof EVENTS)[number]

/**
 * - `open`: get a token, open a socket. `close`: let go of the socket.
 * - `greet`: send `hello` with what is held; `greet-anew`: without.
 * - `probe`: ask for a sign of life and wait for it a short time only.
 * - `expire`: the access token is not to be used again.
 * - `wait`, `wait-advised`, `wait-barred`: a `retry` after the back-off, the advised time, a minute.
 */
export type Action =
  | 'open'
  | 'close'
  | 'greet'
  | 'greet-anew'
  | 'probe'
  | 'expire'
  | 'wait'
  | 'wait-advised'
  | 'wait-barred'

export interface Cell {
  readonly to: State
  readonly actions: readonly Action[]
  /** It can't come in this state; if it does, it is late news of a socket or timer that is gone, and nothing happens. */
  readonly impossible?: true
}

const to = (state: State, ...actions: Action[]): Cell => ({ to: state, actions })
const impossibleIn = (state: State): Cell => ({ to: state, actions: [], impossible: true })

/** A row: what is given, for every event. What sockets alone can tell is impossible where there is none. */
type Row = Readonly<Record<Event, Cell>>
type SocketEvent = Exclude<Event, Common>
type Common =
  | 'start'
  | 'stop'
  | 'signed-in'
  | 'signed-out'
  | 'refresh-refused'
  | 'retry'
  | 'network-up'
  | 'network-down'
  | 'wake'

const noSocket = (state: State): Readonly<Record<SocketEvent, Cell>> => ({
  unreachable: impossibleIn(state),
  opened: impossibleIn(state),
  resumed: impossibleIn(state),
  resync: impossibleIn(state),
  'caught-up': impossibleIn(state),
  gap: impossibleIn(state),
  diverged: impossibleIn(state),
  advised: impossibleIn(state),
  closed: impossibleIn(state),
  unauthorized: impossibleIn(state),
  forbidden: impossibleIn(state),
  silence: impossibleIn(state),
})

/** A state that waits for a timer. */
const idle = (state: State): Row => ({
  ...noSocket(state),
  start: to('connecting', 'open'),
  stop: to('stopped', 'close'),
  'signed-in': to('connecting', 'open'),
  'signed-out': to('signed-out', 'close'),
  'refresh-refused': to('signed-out', 'close'),
  retry: to('connecting', 'open'),
  'network-up': to('connecting', 'open'),
  'network-down': to('offline', 'wait'),
  wake: to('connecting', 'open'),
})

/** A state with a socket. */
const open = (state: State): Row => ({
  start: to(state),
  stop: to('stopped', 'close'),
  'signed-in': to('connecting', 'close', 'open'),
  'signed-out': to('signed-out', 'close'),
  'refresh-refused': to('signed-out', 'close'),
  unreachable: impossibleIn(state),
  opened: impossibleIn(state),
  resumed: to('catching-up'),
  resync: to('catching-up'),
  'caught-up': impossibleIn(state),
  gap: to('greeting', 'greet'),
  diverged: to('greeting', 'greet-anew'),
  advised: to('waiting', 'close', 'wait-advised'),
  closed: to('waiting', 'close', 'wait'),
  // The next attempt gets a new token, or hears that there is none. Not at once: a server that refuses good tokens is not to be stormed.
  unauthorized: to('waiting', 'close', 'expire', 'wait'),
  forbidden: to('barred', 'close', 'wait-barred'),
  silence: to('waiting', 'close', 'wait'),
  retry: impossibleIn(state),
  'network-up': to(state),
  'network-down': to('offline', 'close', 'wait'),
  // Nothing is lost with an attempt; what hangs since before a sleep is not waited for.
  wake: to('connecting', 'close', 'open'),
})

/** A state in which nothing is wanted but what a person does. */
const resting = (state: State): Row => ({
  ...noSocket(state),
  start: to(state),
  stop: to(state),
  'signed-in': to('connecting', 'open'),
  'signed-out': to('signed-out'),
  'refresh-refused': to('signed-out'),
  retry: impossibleIn(state),
  'network-up': to(state),
  'network-down': to(state),
  wake: to(state),
})

export const table: Readonly<Record<State, Row>> = {
  stopped: { ...resting('stopped'), start: to('connecting', 'open') },
  'signed-out': resting('signed-out'),
  offline: { ...idle('offline'), 'network-down': to('offline') },
  waiting: idle('waiting'),
  barred: idle('barred'),
  connecting: {
    ...open('connecting'),
    unreachable: to('waiting', 'close', 'wait'),
    opened: to('greeting', 'greet'),
    resumed: impossibleIn('connecting'),
    resync: impossibleIn('connecting'),
    gap: impossibleIn('connecting'),
    diverged: impossibleIn('connecting'),
    advised: impossibleIn('connecting'),
  },
  // Frames of before the second hello may still come in, with faults that it mends.
  greeting: { ...open('greeting'), gap: to('greeting'), diverged: to('greeting') },
  'catching-up': { ...open('catching-up'), 'caught-up': to('live') },
  live: { ...open('live'), 'caught-up': to('live'), wake: to('live', 'probe') },
}

/** What happens in a state at an event. */
export const next = (state: State, event: Event): Cell => table[state][event]

/** How a device stands, for people: steady where the state runs through many in a second. */
export type Standing = 'live' | 'catching-up' | 'offline' | 'signed-out' | 'barred'

/** How a device stands, since when in milliseconds since 1970 by its clock. The same object until it stands otherwise. */
export interface Connection {
  readonly is: Standing
  readonly since: number
}

/** How a device stands in a state, after it stood so. It is offline once an attempt has failed, and until one succeeds. Spec: D16. */
export function standing(before: Standing, state: State): Standing {
  if (state === 'live' || state === 'catching-up' || state === 'signed-out' || state === 'barred') return state
  if (state === 'offline' || state === 'stopped') return 'offline'
  // A live connection that was lost is first of all renewed. The second time it is lost without one.
  if (state === 'waiting') return before === 'live' ? 'catching-up' : 'offline'
  return before === 'offline' || before === 'barred' ? before : 'catching-up'
}

import { closeCodes, endings, type Ending } from '../../sockets/endings.ts'
import type { AccessRefusal } from '../../staff/access/access.ts'
import type { Proven } from '../../staff/staff.ts'
import type { Place } from '../../changes/log/since.ts'
import type { BeginsAnew, DeviceMessage } from './protocol.ts'

/**
 * The life of a device on the stream as one total table: each state and event gives the next state and the effects.
 * Pure: stream-device.ts turns messages and results into events and applies the effects. Spec: F1, F2, F4, W3, W8.
 *
 *      silent
 *        │ hello ◀────────────────────── hello, in every state from here on to live ───────────┐
 *        ▼                                                                                     │
 *     checking ──admitted──▶ pacing ──paced──▶ entering ──entered, says where it stands──▶ placing
 *                                                 │                                            │
 *                                                 │ entered, holds nothing                     │ placed
 *                                                 ▼                                            │
 *                              ┌───reset────▶ catching-up ◀────────────────────────────────────┘
 *                              │                  │    ▲ │
 *                              │        caught-up │    └─┘ reset, cut-off
 *                              │                  ▼
 *                              └──────────────── live
 *
 *     every state above ──refused, failed, lost, late, full, access-ended, stopping, bad message──▶ closing
 *     every state ──gone──▶ gone
 *
 * Each hello and each new beginning is an attempt with the next number. Results carry the number of their attempt, and
 * a result of an earlier attempt changes nothing.
 */

interface Greeting {
  readonly attempt: number
  /** Null: the device holds nothing. */
  readonly place: Place | null
  /** An earlier hello brought the device into the room. It goes on hearing changes until it enters anew. */
  readonly isInRoom: boolean
}

export type DeviceState =
  /** It has not said hello. */
  | { readonly kind: 'silent' }
  /** Its token is looked into. */
  | ({ readonly kind: 'checking' } & Greeting)
  /** Its hello waits, because the one before was answered a moment ago. */
  | ({ readonly kind: 'pacing' } & Greeting)
  /** It is in its room, and the floor is read. */
  | { readonly kind: 'entering'; readonly attempt: number; readonly place: Place | null }
  /** Its place in the log is looked into. */
  | { readonly kind: 'placing'; readonly attempt: number; readonly place: Place }
  /** It is sent what it missed. */
  | { readonly kind: 'catching-up'; readonly attempt: number }
  /** It hears every change. */
  | { readonly kind: 'live'; readonly attempt: number }
  /** The server has closed the socket; the peer has not answered yet. */
  | { readonly kind: 'closing' }
  | { readonly kind: 'gone' }

export type DeviceEvent =
  | DeviceMessage
  // Results of effects. `reason`: why the device cannot go on from its place; null when it can.
  | { readonly kind: 'admitted'; readonly attempt: number; readonly proven: Proven }
  | { readonly kind: 'refused'; readonly why: AccessRefusal }
  | { readonly kind: 'paced'; readonly attempt: number }
  | { readonly kind: 'full'; readonly attempt: number }
  | { readonly kind: 'entered'; readonly attempt: number }
  | { readonly kind: 'placed'; readonly attempt: number; readonly reason: BeginsAnew | null }
  | { readonly kind: 'cut-off'; readonly attempt: number; readonly reason: BeginsAnew }
  | { readonly kind: 'caught-up'; readonly attempt: number }
  | { readonly kind: 'failed' }
  // From around the device. `late`: no hello in time; `reset`: the floor was read anew; `lost`: it cannot be kept.
  | { readonly kind: 'late' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'access-ended' }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'gone' }

export type Effect =
  /** Look into the token, or into the last one that was sent: `admitted`, `refused` or `failed`. */
  | { readonly kind: 'check'; readonly attempt: number; readonly token: string | undefined }
  /** From now on the socket is open in this name. */
  | { readonly kind: 'admit'; readonly proven: Proven }
  /** Wait until the next hello may be answered: `paced`. */
  | { readonly kind: 'pace'; readonly attempt: number }
  /** Enter the room and wait for its floor: `entered`, `full` or `failed`. */
  | { readonly kind: 'enter'; readonly attempt: number }
  /** Look into the place in the log: `placed` or `failed`. */
  | { readonly kind: 'find-place'; readonly attempt: number; readonly place: Place }
  | { readonly kind: 'send-resumed'; readonly since: number }
  | { readonly kind: 'send-snapshot'; readonly reason: BeginsAnew }
  /** Send what the device missed: `caught-up`, `cut-off` or `failed`. */
  | { readonly kind: 'catch-up'; readonly attempt: number }
  | { readonly kind: 'follow' }
  | { readonly kind: 'send-pong' }
  | { readonly kind: 'note-applied'; readonly seq: number }
  /** Tell the device when to come back. */
  | { readonly kind: 'send-reconnect' }
  | { readonly kind: 'close'; readonly ending: Ending }
  /** Let go of everything. */
  | { readonly kind: 'leave' }

export type Step = readonly [DeviceState, readonly Effect[]]

/** The endings that only the stream has. */
export const streamEndings = {
  helloFirst: [closeCodes.badMessage, 'the first message is hello'],
  noHello: [closeCodes.notSignedIn, 'no hello'],
  noMessage: [closeCodes.badMessage, 'a message is a JSON object with a type'],
  noToken: [closeCodes.notSignedIn, 'no valid token'],
  notHere: [closeCodes.notAllowed, 'not this restaurant, or it is suspended'],
  unreadableLog: [closeCodes.goingAway, 'the log cannot be read'],
} as const satisfies Readonly<Record<string, Ending>>

const refused: Readonly<Record<AccessRefusal, Ending>> = {
  unknown: streamEndings.noToken,
  inactive: streamEndings.noToken,
  elsewhere: streamEndings.notHere,
  suspended: streamEndings.notHere,
}

type State<K extends DeviceState['kind']> = Extract<DeviceState, { kind: K }>
type Event<K extends DeviceEvent['kind']> = Extract<DeviceEvent, { kind: K }>
type Cell<S, E> = (state: S, event: E) => Step
type Row<S> = { readonly [K in DeviceEvent['kind']]: Cell<S, Event<K>> }

const nothing = (state: DeviceState): Step => [state, []]
const close = (...ending: Ending): Step => [{ kind: 'closing' }, [{ kind: 'close', ending }]]
const closeWith = (ending: Ending) => (): Step => close(...ending)
const attemptOf = (state: DeviceState): number => ('attempt' in state ? state.attempt : 0)

/** Sends the whole floor, and then what was committed meanwhile. */
function beginAnew(attempt: number, reason: BeginsAnew): Step {
  const effects: Effect[] = [
    { kind: 'send-snapshot', reason },
    { kind: 'catch-up', attempt },
  ]
  return [{ kind: 'catching-up', attempt }, effects]
}

const check =
  (isInRoom: boolean): Cell<DeviceState, Event<'hello'>> =>
  (state, { token, place }) => {
    const attempt = attemptOf(state) + 1
    return [{ kind: 'checking', attempt, place, isInRoom }, [{ kind: 'check', attempt, token }]]
  }

/** A socket that the server has closed: nothing counts but its end. */
const closed: Row<DeviceState> = {
  hello: nothing,
  'bad-hello': nothing,
  ping: nothing,
  applied: nothing,
  unknown: nothing,
  unreadable: nothing,
  admitted: nothing,
  refused: nothing,
  paced: nothing,
  full: nothing,
  entered: nothing,
  placed: nothing,
  'cut-off': nothing,
  'caught-up': nothing,
  failed: nothing,
  late: nothing,
  reset: nothing,
  lost: nothing,
  'access-ended': nothing,
  stopping: nothing,
  gone: () => [{ kind: 'gone' }, [{ kind: 'leave' }]],
}

/** An open socket whose device is in no room yet: it may say hello and nothing else. */
const outside: Row<DeviceState> = {
  ...closed,
  hello: check(false),
  'bad-hello': (_, { why }) => close(closeCodes.badMessage, why),
  ping: closeWith(streamEndings.helloFirst),
  applied: closeWith(streamEndings.helloFirst),
  unknown: closeWith(streamEndings.helloFirst),
  unreadable: closeWith(streamEndings.helloFirst),
  // A bad token closes the socket, even when another hello came after it.
  refused: (_, { why }) => close(...refused[why]),
  failed: closeWith(streamEndings.unreadableLog),
  lost: closeWith(streamEndings.unreadableLog),
  late: closeWith(streamEndings.noHello),
  'access-ended': closeWith(endings.accessEnded),
  stopping: () => [{ kind: 'closing' }, [{ kind: 'send-reconnect' }, { kind: 'close', ending: endings.stopping }]],
}

/** An open socket whose device is in its room. */
const inside: Row<DeviceState> = {
  ...outside,
  hello: check(true),
  ping: (state) => [state, [{ kind: 'send-pong' }]],
  applied: (state, { seq }) => [state, [{ kind: 'note-applied', seq }]],
  unknown: nothing,
  unreadable: closeWith(streamEndings.noMessage),
  late: nothing,
}

const following: Row<State<'catching-up' | 'live'>> = {
  ...inside,
  reset: ({ attempt }) => beginAnew(attempt + 1, 'epoch'),
}

/** A hello is looked into. A reset needs no answer: the hello is answered from the new floor. */
const greeting: Row<State<'checking' | 'pacing'>> = {
  ...outside,
  hello: (state, event) => check(state.isInRoom)(state, event),
  ping: (state, event) => (state.isInRoom ? inside : outside).ping(state, event),
  applied: (state, event) => (state.isInRoom ? inside : outside).applied(state, event),
  unknown: (state, event) => (state.isInRoom ? inside : outside).unknown(state, event),
  unreadable: (state, event) => (state.isInRoom ? inside : outside).unreadable(state, event),
  late: (state, event) => (state.isInRoom ? inside : outside).late(state, event),
}

const table: { readonly [K in DeviceState['kind']]: Row<State<K>> } = {
  silent: outside,
  checking: {
    ...greeting,
    admitted: ({ attempt, place, isInRoom }, { proven }) => {
      const effects: Effect[] = [
        { kind: 'admit', proven },
        { kind: 'pace', attempt },
      ]
      return [{ kind: 'pacing', attempt, place, isInRoom }, effects]
    },
  },
  pacing: {
    ...greeting,
    late: nothing,
    paced: ({ attempt, place }) => [{ kind: 'entering', attempt, place }, [{ kind: 'enter', attempt }]],
  },
  entering: {
    ...inside,
    full: closeWith(endings.tooMany),
    entered: ({ attempt, place }) =>
      place
        ? [{ kind: 'placing', attempt, place }, [{ kind: 'find-place', attempt, place }]]
        : beginAnew(attempt, 'new'),
  },
  // A reset needs no answer here: the place is compared with the epoch of the new floor.
  placing: {
    ...inside,
    placed: ({ attempt, place }, { reason }) => {
      if (reason !== null) return beginAnew(attempt, reason)
      const effects: Effect[] = [
        { kind: 'send-resumed', since: place.since },
        { kind: 'catch-up', attempt },
      ]
      return [{ kind: 'catching-up', attempt }, effects]
    },
  },
  'catching-up': {
    ...following,
    'cut-off': ({ attempt }, { reason }) => beginAnew(attempt + 1, reason),
    'caught-up': ({ attempt }) => [{ kind: 'live', attempt }, [{ kind: 'follow' }]],
  },
  live: following,
  closing: closed,
  gone: { ...closed, gone: nothing },
}

/** What happens in a state at an event. */
export function next(state: DeviceState, event: DeviceEvent): Step {
  if ('attempt' in event && event.attempt !== attemptOf(state)) return nothing(state)
  // The row is the one of this state, and the cell the one of this event: the type of the table says so.
  const row = table[state.kind] as Row<DeviceState>
  return (row[event.kind] as Cell<DeviceState, DeviceEvent>)(state, event)
}

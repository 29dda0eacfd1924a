import { expect, test } from 'vitest'
import type { Proven } from '../../staff/staff.ts'
import { next, type DeviceEvent, type DeviceState, type Effect, type Step } from './device-states.ts'

/** Every state of a device with every event: what is listed here happens, and nothing else does. */

const place = { epoch: '4f0c2f2e-7a4e-4d5f-9f2e-0d8a4c1b6e00', since: 7 }
const proven = { staffId: 'someone' } as Proven

// Each at its third attempt.
const states: Readonly<Record<string, DeviceState>> = {
  silent: { kind: 'silent' },
  checking: { kind: 'checking', attempt: 3, place, isInRoom: false },
  'checking in room': { kind: 'checking', attempt: 3, place: null, isInRoom: true },
  pacing: { kind: 'pacing', attempt: 3, place, isInRoom: false },
  'pacing in room': { kind: 'pacing', attempt: 3, place: null, isInRoom: true },
  entering: { kind: 'entering', attempt: 3, place },
  'entering with nothing': { kind: 'entering', attempt: 3, place: null },
  placing: { kind: 'placing', attempt: 3, place },
  'catching-up': { kind: 'catching-up', attempt: 3 },
  live: { kind: 'live', attempt: 3 },
  closing: { kind: 'closing' },
  gone: { kind: 'gone' },
}
const OPEN = Object.keys(states).filter((name) => name !== 'closing' && name !== 'gone')
const OUTSIDE = ['silent', 'checking', 'pacing']
const INSIDE = OPEN.filter((name) => !OUTSIDE.includes(name))

const events: Readonly<Record<string, DeviceEvent>> = {
  hello: { kind: 'hello', token: 'new', place },
  'bad-hello': { kind: 'bad-hello', why: 'hello: no' },
  ping: { kind: 'ping' },
  applied: { kind: 'applied', seq: 9 },
  unknown: { kind: 'unknown' },
  unreadable: { kind: 'unreadable' },
  admitted: { kind: 'admitted', attempt: 3, proven },
  'refused: unknown': { kind: 'refused', why: 'unknown' },
  'refused: inactive': { kind: 'refused', why: 'inactive' },
  'refused: elsewhere': { kind: 'refused', why: 'elsewhere' },
  'refused: suspended': { kind: 'refused', why: 'suspended' },
  paced: { kind: 'paced', attempt: 3 },
  full: { kind: 'full', attempt: 3 },
  entered: { kind: 'entered', attempt: 3 },
  'placed: goes on': { kind: 'placed', attempt: 3, reason: null },
  'placed: diverged': { kind: 'placed', attempt: 3, reason: 'diverged' },
  'cut-off': { kind: 'cut-off', attempt: 3, reason: 'floor' },
  'caught-up': { kind: 'caught-up', attempt: 3 },
  failed: { kind: 'failed' },
  late: { kind: 'late' },
  reset: { kind: 'reset' },
  lost: { kind: 'lost' },
  'access-ended': { kind: 'access-ended' },
  stopping: { kind: 'stopping' },
  gone: { kind: 'gone' },
}

const closing = (code: number, reason: string, ...before: Effect[]): Step => [
  { kind: 'closing' },
  [...before, { kind: 'close', ending: [code, reason] }],
]
const anew = (attempt: number, reason: 'new' | 'epoch' | 'floor' | 'diverged'): Step => [
  { kind: 'catching-up', attempt },
  [
    { kind: 'send-snapshot', reason },
    { kind: 'catch-up', attempt },
  ],
]
const greets = (name: string): Step => {
  const attempt = name === 'silent' ? 1 : 4
  const isInRoom = INSIDE.includes(name)
  return [{ kind: 'checking', attempt, place, isInRoom }, [{ kind: 'check', attempt, token: 'new' }]]
}

/** What happens, by state and event. */
const expected = new Map<string, Step>()
const happens = (names: readonly string[], event: string, step: Step | ((name: string) => Step)) => {
  for (const name of names) expected.set(`${name}, ${event}`, typeof step === 'function' ? step(name) : step)
}
happens(OPEN, 'hello', greets)
happens(OPEN, 'bad-hello', closing(4400, 'hello: no'))
for (const event of ['ping', 'applied', 'unknown', 'unreadable'])
  happens(OUTSIDE, event, closing(4400, 'the first message is hello'))
happens(INSIDE, 'ping', (name) => [states[name]!, [{ kind: 'send-pong' }]])
happens(INSIDE, 'applied', (name) => [states[name]!, [{ kind: 'note-applied', seq: 9 }]])
happens(INSIDE, 'unreadable', closing(4400, 'a message is a JSON object with a type'))
for (const why of ['unknown', 'inactive']) happens(OPEN, `refused: ${why}`, closing(4401, 'no valid token'))
for (const why of ['elsewhere', 'suspended'])
  happens(OPEN, `refused: ${why}`, closing(4403, 'not this restaurant, or it is suspended'))
for (const event of ['failed', 'lost']) happens(OPEN, event, closing(1001, 'the log cannot be read'))
happens(['silent', 'checking'], 'late', closing(4401, 'no hello'))
happens(OPEN, 'access-ended', closing(4401, 'no longer signed in'))
happens(OPEN, 'stopping', closing(1001, 'server stopping', { kind: 'send-reconnect' }))
happens([...OPEN, 'closing'], 'gone', [{ kind: 'gone' }, [{ kind: 'leave' }]])
for (const where of ['', ' in room']) {
  const state = states[`checking${where}`]!
  happens([`checking${where}`], 'admitted', [
    { ...state, kind: 'pacing' } as DeviceState,
    [
      { kind: 'admit', proven },
      { kind: 'pace', attempt: 3 },
    ],
  ])
}
happens(['pacing'], 'paced', [{ kind: 'entering', attempt: 3, place }, [{ kind: 'enter', attempt: 3 }]])
happens(['pacing in room'], 'paced', [{ kind: 'entering', attempt: 3, place: null }, [{ kind: 'enter', attempt: 3 }]])
happens(['entering', 'entering with nothing'], 'full', closing(1013, 'too many sockets'))
happens(['entering'], 'entered', [{ kind: 'placing', attempt: 3, place }, [{ kind: 'find-place', attempt: 3, place }]])
happens(['entering with nothing'], 'entered', anew(3, 'new'))
happens(['placing'], 'placed: goes on', [
  { kind: 'catching-up', attempt: 3 },
  [
    { kind: 'send-resumed', since: 7 },
    { kind: 'catch-up', attempt: 3 },
  ],
])
happens(['placing'], 'placed: diverged', anew(3, 'diverged'))
happens(['catching-up'], 'cut-off', anew(4, 'floor'))
happens(['catching-up'], 'caught-up', [{ kind: 'live', attempt: 3 }, [{ kind: 'follow' }]])
happens(['catching-up', 'live'], 'reset', anew(4, 'epoch'))

test('F1, F2, F4: in each state each event does what is listed, and nothing else', () => {
  for (const [name, state] of Object.entries(states))
    for (const [kind, event] of Object.entries(events))
      expect(next(state, event), `${name}, ${kind}`).toEqual(expected.get(`${name}, ${kind}`) ?? [state, []])
})

test('F1, F4: the result of an earlier attempt changes nothing in any state', () => {
  for (const [name, state] of Object.entries(states))
    for (const event of Object.values(events).filter((each) => 'attempt' in each))
      expect(next(state, { ...event, attempt: 2 }), `${name}, ${event.kind}`).toEqual([state, []])
})

/** A device that does at once what it is told, with these results. */
function walk(all: readonly DeviceEvent[]): { kinds: string[]; effects: string[] } {
  let state: DeviceState = { kind: 'silent' }
  const [kinds, effects]: [string[], string[]] = [[state.kind], []]
  for (const event of all) {
    const [after, todo] = next(state, event)
    state = after
    kinds.push(after.kind)
    effects.push(...todo.map(({ kind }) => kind))
  }
  return { kinds, effects }
}

test('F1, F4: a second hello of a device that hears changes leads back to where it hears them', () => {
  const steps = (attempt: number): DeviceEvent[] => [
    { kind: 'hello', token: undefined, place: null },
    { kind: 'admitted', attempt, proven },
    { kind: 'paced', attempt },
    { kind: 'entered', attempt },
    { kind: 'caught-up', attempt },
  ]
  const once = ['checking', 'pacing', 'entering', 'catching-up', 'live']
  const effects = ['check', 'admit', 'pace', 'enter', 'send-snapshot', 'catch-up', 'follow']
  expect(walk([...steps(1), ...steps(2)])).toEqual({
    kinds: ['silent', ...once, ...once],
    effects: [...effects, ...effects],
  })
  // The log begins anew while the second hello is looked into: that hello is answered, and from the new floor.
  const reset: DeviceEvent = { kind: 'reset' }
  expect(walk([...steps(1), steps(2)[0]!, reset, ...steps(2).slice(1)]).effects).toEqual([...effects, ...effects])
})

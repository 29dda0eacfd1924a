import { expect, test } from 'vitest'
import { done, house, mutation, settle } from '../test/queues.ts'
import { Saver } from './saver.ts'
import { sendMutation } from './send-mutation.ts'
import { Confirmed } from './state.ts'
import type { FetchRequest, Surroundings } from './surroundings.ts'

test('D2, D7: the state is stored some seconds after it changed, once, and with it leaves the queue what it has', async () => {
  const { at, queue, timers, writes, answer, tick, stored, state } = await house()
  const confirmed = new Confirmed()
  const saver = new Saver(at, 'a/', confirmed, queue)
  // Nothing changed, or nothing is there yet: nothing is written.
  await saver.flush()
  saver.touch()
  await saver.flush()
  expect([writes, timers]).toEqual([[], []])
  queue.add(mutation(1))
  queue.run()
  await answer(done(1))
  confirmed.take({ epoch: 'e', seq: 1, at: null, horizon: '2026', entities: [] })
  saver.touch()
  saver.touch()
  expect(timers.map(({ millis }) => millis)).toEqual([3_000])
  await tick()
  const snapshot = confirmed.snapshot()
  expect(writes.at(-1)).toEqual([{ put: 'a/state', value: snapshot }, { drop: 'a/mutation/000000000000' }])
  expect(queue.landedBy({ epoch: 'e', seq: 1 }).ops).toEqual([])
  expect(timers).toEqual([])
  // What fails is tried again later, and whoever waits for it is told.
  confirmed.take({ epoch: 'e', seq: 2, at: null, horizon: '2026', entities: [] })
  saver.touch()
  state.fails = true
  await tick()
  expect(timers).toHaveLength(1)
  await expect(saver.flush()).rejects.toThrow('full')
  expect(timers).toHaveLength(1)
  state.fails = false
  await saver.flush()
  expect(await stored.get('a/state')).toMatchObject({ seq: 2 })
  expect(timers).toEqual([])
})

test('D16: when everything was there is stored without the state where that did not change, and later where it cannot be', async () => {
  const { at, queue, timers, writes, state } = await house()
  const confirmed = new Confirmed()
  confirmed.take({ epoch: 'e', seq: 1, at: null, horizon: '2026', entities: [] })
  const saver = new Saver(at, 'a/', confirmed, queue)
  const value = (n: number) => ({ at: n, offset: 0 })
  state.fails = true
  saver.synced(value(1))
  await expect(saver.flush()).resolves.toBeUndefined()
  saver.synced(value(2))
  await settle()
  state.fails = false
  await saver.flush()
  expect(writes).toEqual([[{ put: 'a/synced', value: value(2) }]])
  expect(timers).toEqual([])
  // Soon after, only with what is stored anyway; a clock that was set back does not keep it from being stored.
  saver.synced(value(30_001))
  saver.synced(value(30_002))
  await settle()
  saver.synced(value(1))
  await settle()
  expect(writes.slice(1)).toEqual([[{ put: 'a/synced', value: value(30_002) }], [{ put: 'a/synced', value: value(1) }]])
})

test('D6: a mutation is sent with its key, its device and a token, twice where the first token is no good', async () => {
  const asked: { url: string; request: FetchRequest }[] = []
  const answers = [
    [401, { code: 'not-signed-in' }],
    [200, { result: 1, seq: 2 }],
  ] as [number, object][]
  const expired: string[] = []
  const tokens = ['first', 'second']
  const at = {
    after: () => () => undefined,
    fetch: (url: string, request: FetchRequest) => {
      asked.push({ url, request })
      const [status, body] = answers.shift()!
      const text = () => Promise.resolve(JSON.stringify(body))
      return Promise.resolve({ status, headers: { get: () => null }, text })
    },
  } as unknown as Surroundings
  type Asked = Parameters<typeof sendMutation>[1]
  const session = {
    token: (staffId: string) =>
      staffId === 's' && tokens.length > 0 ? Promise.resolve(tokens.shift()!) : Promise.reject(new Error('none')),
    expire: (token: string) => void expired.push(token),
  } as unknown as Asked
  const send = (device: string | null, body = {}) =>
    sendMutation(at, session, 'https://q/r', 's', () => null, mutation(1, { device, body }))
  expect(await send('Host stand', { a: 1 })).toEqual({ kind: 'done', seq: 2, result: 1 })
  expect(expired).toEqual(['first'])
  expect(asked.map(({ request }) => request.headers['authorization'])).toEqual(['Bearer first', 'Bearer second'])
  expect(asked[1]).toMatchObject({
    url: 'https://q/r/guests',
    request: { method: 'POST', body: '{"a":1}', headers: { 'idempotency-key': 'm1', 'x-device': 'Host stand' } },
  })
  // No token: nothing is sent.
  expect(await send(null)).toEqual({ kind: 'later', afterMillis: null })
  expect(asked).toHaveLength(2)
  // Two tokens that are no good: later, not for ever.
  tokens.push('third', 'fourth', 'fifth')
  answers.push([401, {}], [401, {}])
  expect(await send('Thé')).toEqual({ kind: 'later', afterMillis: null })
  expect(expired).toEqual(['first', 'third', 'fourth'])
  expect(asked[2]!.request.headers['x-device']).toBe('Th%C3%A9')
  expect('body' in asked[2]!.request).toBe(false)
  answers.push([500, {}])
  expect(await send(null)).toEqual({ kind: 'later', afterMillis: null })
  expect('x-device' in asked[4]!.request.headers).toBe(false)
  tokens.push('sixth')
  answers.push([500, {}])
  await send('été bar')
  expect(asked[5]!.request.headers['x-device']).toBe('%C3%A9t%C3%A9%20bar')
})

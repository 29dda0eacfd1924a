import { expect, test } from 'vitest'
import { request } from './request.ts'
import type { FetchRequest } from './surroundings.ts'
import { ClientError, readMessage } from './words.ts'

test('D2: a frame is a message of a kind that is known, or nothing', () => {
  for (const type of ['resumed', 'resync', 'snapshot', 'changes', 'heartbeat', 'reconnect', 'pong'])
    expect(readMessage(JSON.stringify({ type, more: 1 }))).toEqual({ type, more: 1 })
  for (const text of ['{"type":"party"}', '{"type":7}', '{}', 'null', '[]', '7', '"pong"', '', '{'])
    expect(readMessage(text), text).toBeNull()
})

test('D6: an error of the client has a code, a name and what caused it', () => {
  const error = new ClientError('storage', 'Full', 'why')
  expect([error.code, error.name, error.message, error.cause]).toEqual(['storage', 'ClientError', 'Full', 'why'])
})

/** A request whose answer the test gives. */
function ask(answer: { status?: number; text?: string; after?: string | null } | Error, body: object | null = null) {
  const seen = { asked: [] as FetchRequest[], waits: [] as number[], calledOff: 0, late: () => undefined as void }
  const at = {
    fetch: (_: string, sent: FetchRequest) => {
      seen.asked.push(sent)
      if (answer instanceof Error) return Promise.reject(answer)
      const { status = 200, text = '{}', after = null } = answer
      const headers = { get: (name: string) => (name === 'retry-after' ? after : null) }
      return Promise.resolve({ status, headers, text: () => Promise.resolve(text) })
    },
    after: (millis: number, call: () => void) => {
      seen.waits.push(millis)
      seen.late = call
      return () => void seen.calledOff++
    },
  }
  return { seen, answered: request(at, 'POST', 'https://q/x', body, { more: '1' }) }
}

test('D6: a request sends JSON where there is some, follows no redirect, and ends in time', async () => {
  const { seen, answered } = ask({ text: '{"a":1}' }, { b: 2 })
  expect(await answered).toEqual({ status: 200, body: { a: 1 }, afterMillis: null, etag: null })
  expect(seen.asked[0]).toMatchObject({
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json', more: '1' },
    body: '{"b":2}',
    redirect: 'manual',
  })
  expect([seen.waits, seen.calledOff, seen.asked[0]!.signal.aborted]).toEqual([[15_000], 1, false])
  seen.late()
  expect(seen.asked[0]!.signal.aborted).toBe(true)
  const bare = ask({})
  await bare.answered
  expect(bare.seen.asked[0]!.headers).toEqual({ accept: 'application/json', more: '1' })
  expect('body' in bare.seen.asked[0]!).toBe(false)
})

test('D6: no answer is none, and what is no JSON object says nothing', async () => {
  const broken = ask(new Error('cut off'))
  expect(await broken.answered).toBeNull()
  expect(broken.seen.calledOff).toBe(1)
  for (const text of ['<html>', '[1]', 'null', '7', '']) expect((await ask({ text }).answered)!.body, text).toEqual({})
})

test('D6: a time to come back is taken from none to an hour, and nothing else', async () => {
  const after = async (text: string | null) => (await ask({ after: text }).answered)!.afterMillis
  expect(await Promise.all(['0', '2', '3600', '3601', '-1', 'soon', null].map(after))).toEqual([
    0,
    2_000,
    3_600_000,
    null,
    null,
    null,
    null,
  ])
})

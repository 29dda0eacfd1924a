import { expect, test } from 'vitest'
import { machine, TOKENS_OF_S, type Reply } from '../test/lines.ts'
import { device } from '../test/used-device.ts'
import { limits } from './limits.ts'
import { Reader } from './read.ts'
import { Session } from './session.ts'

/** Reads beyond the floor, with the server's side in the test's hand. */

function reading() {
  const of = machine()
  const session = new Session(of.at, 'https://q', () => undefined)
  session.restore(TOKENS_OF_S)
  const asked: { path: string; token: string; etag: string | undefined }[] = []
  const server = { etag: null as string | null, answer: ((url) => [200, { result: url }]) as (url: string) => Reply }
  const { fetch } = of.at
  of.state.answer = async (url, { method, headers }) => {
    expect(method).toBe(url.endsWith('/refresh') ? 'POST' : 'GET')
    asked.push({ path: url.slice(9), token: headers['authorization']!, etag: headers['if-none-match'] })
    return server.answer(url)
  }
  const at = {
    ...of.at,
    fetch: async (...call: Parameters<typeof fetch>) => {
      const answer = await fetch(...call)
      return { ...answer, headers: { get: (name: string) => (name === 'etag' ? server.etag : null) } }
    },
  }
  return { asked, server, session, reader: new Reader(at, session, 'https://q', 'https://q/v2/restaurants/r') }
}

test('D19: a read goes below the restaurant, or to a whole path, with the token, and through a schema', async () => {
  const { reader, asked, server } = reading()
  server.answer = () => [200, { result: [{ id: 's' }], next: null }]
  expect(await reader.read('/staff?limit=2')).toEqual({ result: [{ id: 's' }], next: null })
  await reader.read('/v2/me')
  expect(asked).toEqual([
    { path: '/v2/restaurants/r/staff?limit=2', token: 'Bearer a', etag: undefined },
    { path: '/v2/me', token: 'Bearer a', etag: undefined },
  ])
  const schema = { parse: (value: unknown) => (value as { result: { id: string }[] }).result.length }
  expect(await reader.read('/staff', schema)).toBe(1)
  const strict = {
    parse: () => {
      throw new Error('no such shape')
    },
  }
  await expect(reader.read('/staff', strict)).rejects.toThrow('no such shape')
})

test('D19: what has an ETag is asked for with it, and is the same object when it is the same; the oldest are dropped', async () => {
  const { reader, asked, server } = reading()
  server.etag = '"1"'
  const first = await reader.read('/staff')
  server.answer = () => [304, {}]
  expect(await reader.read('/staff')).toBe(first)
  expect(asked.map(({ etag }) => etag)).toEqual([undefined, '"1"'])
  server.etag = '"2"'
  server.answer = () => [200, { result: 2 }]
  expect(await reader.read('/staff')).toEqual({ result: 2 })
  await reader.read('/staff')
  expect(asked.at(-1)!.etag).toBe('"2"')
  for (let n = 1; n < limits.keptReads; n++) await reader.read(`/other/${n}`)
  await reader.read('/other/1')
  expect(asked.at(-1)!.etag).toBe('"2"')
  await reader.read('/staff')
  await reader.read('/one-more')
  await reader.read('/staff')
  await reader.read('/other/2')
  expect(asked.slice(-2).map(({ etag }) => etag)).toEqual(['"2"', undefined])
})

test('D19: a token that is no good any more is renewed once; a refusal has its code, and anything else nobody knows', async () => {
  const { reader, asked, server, session } = reading()
  const renewed = {
    accessToken: 'c',
    refreshToken: 'd',
    expiresInSeconds: 600,
    staffId: 's',
    restaurantId: 'r',
    role: 'host',
  }
  let refusals = 1
  server.answer = (url) => {
    if (url.endsWith('/refresh')) return [200, renewed]
    return refusals-- > 0 ? [401, { code: 'not-signed-in' }] : [200, { result: 1 }]
  }
  expect(await reader.read('/staff')).toEqual({ result: 1 })
  expect(asked.map(({ path, token }) => [path, token])).toEqual([
    ['/v2/restaurants/r/staff', 'Bearer a'],
    ['/v2/refresh', undefined],
    ['/v2/restaurants/r/staff', 'Bearer c'],
  ])
  const refusal = async (reply: Reply) => {
    server.answer = () => reply
    return reader.read('/staff').catch(({ code }: { code: string }) => code)
  }
  expect(await refusal([403, { code: 'not-allowed', title: 'Ask the owner' }])).toBe('not-allowed')
  for (const reply of [null, [500, { code: 'busy' }], [304, {}], [404, {}]] as Reply[])
    expect(await refusal(reply)).toBe('unreachable')
  session.restore(undefined)
  expect(await refusal([200, {}])).toBe('not-signed-in')
})

test('D19: a device reads from its own restaurant', async () => {
  const { qtable, replies, asked } = await device()
  replies.answer = () => [200, { result: [] }]
  expect(await qtable.read('/staff', { schema: { parse: (body) => [body] } })).toEqual([{ result: [] }])
  expect(asked.map(({ url, token }) => [url, token])).toEqual([['https://q/v2/restaurants/r/staff', 'Bearer a']])
})

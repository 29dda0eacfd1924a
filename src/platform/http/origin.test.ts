import Fastify from 'fastify'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { originOf } from './origin.ts'

/** The cookie by which a device is known again. */

const server = Fastify()
beforeAll(async () => {
  server.get('/', async (request, reply) => {
    const origin = originOf(request, reply)
    origin.remember('a-device')
    return { device: origin.device }
  })
  await server.ready()
})
afterAll(() => server.close())

const cookieOver = async (headers: Record<string, string>): Promise<string> =>
  String((await server.inject({ url: '/', headers })).headers['set-cookie'])

test('A14: the cookie of a device is for requests alone, and for TLS alone where it came over TLS', async () => {
  const plain = await cookieOver({})
  expect(plain).toMatch(/^qtable_device=a-device; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/)
  expect(await cookieOver({ 'x-forwarded-proto': 'http' })).toBe(plain)
  expect(await cookieOver({ 'x-forwarded-proto': 'https' })).toBe(`${plain}; Secure`)
})

test('A14: a device is known by its cookie among others, and by nothing that only looks like it', async () => {
  const known = async (cookie: string) => (await server.inject({ url: '/', headers: { cookie } })).json().device
  expect(await known('a=1; qtable_device=one; b=2')).toBe('one')
  for (const cookie of ['', 'xqtable_device=one', 'qtable_device=o/ne', 'qtable_device='])
    expect(await known(cookie), cookie).toBeNull()
})

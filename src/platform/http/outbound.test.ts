import { createServer as createNet } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LOOPBACK, openReceiver, type Receiver } from '../../../test/messages.ts'
import { upTo } from '../../../test/patience.ts'
import { limits } from '../limits.ts'
import { isPublic, Outbound, Unreachable } from './outbound.ts'

let receiver: Receiver
beforeAll(async () => {
  receiver = await openReceiver()
})
afterAll(() => receiver.close())

const post = (outbound: Outbound, url: string, millis = 10_000) =>
  outbound.post(url, { headers: {}, body: 'x', signal: AbortSignal.timeout(upTo(millis)) })

test('X7: only addresses of the public Internet are public', () => {
  const refused = [
    '127.0.0.1',
    '127.255.0.9',
    '0.0.0.0',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.127.255.255',
    '192.0.0.8',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:7f00:1',
    '::127.0.0.1',
    'fe80::1',
    'fe80::1%lo',
    'fc00::1',
    'fd12::1',
    'ff02::1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    'no address',
    '',
  ]
  expect(refused.filter(isPublic)).toEqual([])
  const reached = ['8.8.8.8', '1.1.1.1', '100.63.255.255', '100.128.0.0', '172.15.0.1', '172.32.0.1', '2606:4700::1111']
  expect(reached.filter((each) => !isPublic(each))).toEqual([])
})

test('X7: addresses that are not public are refused, whatever way they are written', async () => {
  const { port } = new URL(receiver.url)
  const before = receiver.received.length
  const hosts = [
    '127.0.0.1',
    'localhost',
    '0x7f.1',
    '2130706433',
    '0',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
  ]
  for (const host of hosts)
    for (const scheme of ['http', 'https']) {
      const answer = await post(new Outbound(), `${scheme}://${host}:${port}/`)
      expect(answer, host).toMatchObject({ isForbidden: true, message: 'its address is not public' })
    }
  for (const url of ['ftp://example.org', 'file:///etc/passwd', 'nonsense', 'http://8.8.8.8/'])
    expect(await post(new Outbound(), url), url).toMatchObject({ isForbidden: true })
  expect(receiver.received).toHaveLength(before)
})

test('X7: what the operator allows is reached, by name too; other private addresses stay refused', async () => {
  const outbound = new Outbound([...LOOPBACK, '::1'])
  expect(await post(outbound, receiver.url)).toEqual({ status: 200, body: '' })
  expect(await post(outbound, receiver.url.replace('127.0.0.1', 'localhost'))).toEqual({ status: 200, body: '' })
  expect(await post(outbound, 'http://10.0.0.1/')).toMatchObject({ isForbidden: true })
  expect(await post(outbound, 'https://no-such-host.invalid/')).toMatchObject({ isForbidden: false })
})

test('X7: redirects are not followed, long answers are cut, and a wait ends with its signal', async () => {
  const outbound = new Outbound(LOOPBACK)
  receiver.answer = () => ({ status: 302, headers: { location: `${receiver.url}/elsewhere` } })
  expect(await post(outbound, `${receiver.url}/first`)).toMatchObject({ status: 302 })
  expect(receiver.received.at(-1)!.path).toBe('/first')
  receiver.answer = () => ({ status: 200, body: 'x'.repeat(4 * limits.outboundAnswerBytes) })
  const long = (await post(outbound, receiver.url)) as { body: string }
  expect(long.body.length).toBeLessThan(3 * limits.outboundAnswerBytes)
  receiver.answer = () => 'never'
  await expect(post(outbound, receiver.url, 5)).rejects.toThrow('aborted')
  const closed = await new Promise<number>((resolve) => {
    const server = createNet().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
  const refused = await post(outbound, `http://127.0.0.1:${closed}/`)
  expect(refused).toBeInstanceOf(Unreachable)
  expect(refused).toMatchObject({ isForbidden: false, message: 'ECONNREFUSED' })
})

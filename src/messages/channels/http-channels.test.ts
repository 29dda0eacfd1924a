import { createECDH, randomBytes } from 'node:crypto'
import { generateVAPIDKeys } from 'web-push'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { LOOPBACK, openReceiver, parcel, type Receiver } from '../../../test/messages.ts'
import { Outbound } from '../../platform/http/outbound.ts'
import { PushSender } from './push.ts'
import { SmsSender } from './sms.ts'

const never = new AbortController().signal
let receiver: Receiver
beforeAll(async () => {
  receiver = await openReceiver()
})
beforeEach(() => {
  receiver.received.length = 0
  receiver.answer = () => 200
})
afterAll(() => receiver.close())

const sms = (channel: 'sms' | 'whatsapp' = 'sms') =>
  new SmsSender(
    { url: receiver.url, account: 'AC1', token: 'secret', from: '+4930999' },
    new Outbound(LOOPBACK),
    channel,
  )

test('X12: SMS and WhatsApp go out by Twilio’s API, with the message’s id at each attempt', async () => {
  receiver.answer = () => ({ status: 201, body: '{"sid":"SM1"}' })
  const message = parcel({ recipient: '+49 (30) 123-456', body: 'Ada & co: 100 %', attempt: 3 })
  expect(await sms().send(message, never)).toEqual({ kind: 'sent', reference: 'SM1' })
  await sms('whatsapp').send(message, never)
  const [first, second] = receiver.received
  expect(first!.path).toBe('/2010-04-01/Accounts/AC1/Messages.json')
  expect(Object.fromEntries(new URLSearchParams(first!.body))).toEqual({
    To: '+4930123456',
    From: '+4930999',
    Body: 'Ada & co: 100 %',
  })
  expect(first!.headers).toMatchObject({
    authorization: `Basic ${Buffer.from('AC1:secret').toString('base64')}`,
    'i-twilio-idempotency-token': message.id,
    'qtable-attempt': '3',
  })
  expect(new URLSearchParams(second!.body).get('To')).toBe('whatsapp:+4930123456')
})

test('X12: a number that the provider refuses is given up; its own trouble and a wrong account wait', async () => {
  const results: Record<number, string> = {}
  for (const status of [400, 401, 403, 404, 429, 500, 503]) {
    receiver.answer = () => status
    results[status] = (await sms().send(parcel({ recipient: '+49301' }), never)).kind
  }
  expect(results).toEqual({
    400: 'refused',
    401: 'later',
    403: 'later',
    404: 'later',
    429: 'later',
    500: 'later',
    503: 'later',
  })
  expect(await sms().send(parcel({ recipient: 'Ada' }), never)).toMatchObject({ kind: 'refused' })
})

/** A browser that has subscribed. */
function browser(endpoint: string) {
  const keys = createECDH('prime256v1')
  keys.generateKeys()
  const auth = randomBytes(16)
  return JSON.stringify({
    endpoint,
    keys: { p256dh: keys.getPublicKey('base64url'), auth: auth.toString('base64url') },
  })
}

test('X13: web push is encrypted for the browser and signed with the server’s keys', async () => {
  const keys = generateVAPIDKeys()
  const push = new PushSender({ ...keys, contact: 'mailto:ops@qtable.example' }, new Outbound(LOOPBACK))
  receiver.answer = () => 201
  const message = parcel({ recipient: browser(`${receiver.url}/push/1`), body: 'Your table is ready' })
  expect(await push.send(message, never)).toEqual({ kind: 'sent', reference: null })
  const { headers, body, path } = receiver.received[0]!
  expect(path).toBe('/push/1')
  expect(headers).toMatchObject({ 'content-encoding': 'aes128gcm', urgency: 'high', 'qtable-attempt': '1' })
  expect(headers.authorization).toMatch(/^vapid t=[\w-]+\.[\w-]+\.[\w-]+, k=/)
  expect(body).not.toContain('table is ready')
})

test('X13: a subscription that is over is given up; a push service in trouble puts off its own guest only', async () => {
  const push = new PushSender({ ...generateVAPIDKeys(), contact: 'mailto:ops@qtable.example' }, new Outbound(LOOPBACK))
  const results: Record<number, string> = {}
  for (const status of [404, 410, 429, 500]) {
    receiver.answer = () => status
    results[status] = (await push.send(parcel({ recipient: browser(receiver.url) }), never)).kind
  }
  expect(results).toEqual({ 404: 'refused', 410: 'refused', 429: 'put-off', 500: 'put-off' })
  const bad = ['', '{}', 'null', JSON.stringify({ endpoint: receiver.url, keys: { p256dh: 'x', auth: 'y' } })]
  for (const recipient of bad) expect(await push.send(parcel({ recipient }), never)).toMatchObject({ kind: 'refused' })
  // A guest chooses the address: a private one is not reached.
  const walled = new PushSender({ ...generateVAPIDKeys(), contact: 'mailto:ops@qtable.example' }, new Outbound())
  expect(await walled.send(parcel({ recipient: browser('https://169.254.169.254/') }), never)).toMatchObject({
    kind: 'refused',
  })
})

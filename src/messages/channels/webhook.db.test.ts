import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/database.ts'
import { openMessenger, openReceiver, openSending, sendDue, type Receiver } from '../../../test/messages.ts'
import { ask } from '../../changes/query.ts'
import { DAY_MILLIS, plusMillis, clockOf, systemClock, type Instant } from '../../platform/clock.ts'
import { getMessageSettings } from '../get-message-settings.ts'
import { getWebhookSecret } from '../get-webhook-secret.ts'

/** Webhooks, verified by the reference library of Standard Webhooks. */

let database: TestDatabase
let receiver: Receiver
beforeAll(async () => {
  database = await openDatabase(4)
  receiver = await openReceiver()
})
afterAll(async () => {
  await receiver.close()
  await database.close()
})

test('X6: a webhook is verified by the reference library; another secret and another body are not', async () => {
  const clock = systemClock()
  const house = await openSending(database.db, clock, receiver.url)
  const secretNow = async () => (await ask({ db: database.db, clock }, getWebhookSecret, house.context, {})).secret!
  const id = await house.tell({
    template: 'waitlist-joined',
    variables: { name: '"Ada" {{link}}\n<b>', minutes: '20' },
  })
  const messenger = openMessenger(database.db, clock)
  await sendDue(messenger)
  const { body, headers } = receiver.received.at(-1)!
  const first = await secretNow()
  const verified = new Webhook(first).verify(body, headers as Record<string, string>)
  expect(verified).toMatchObject({
    type: 'message.waitlist-joined',
    data: { id, subject: 'You are on the waitlist', variables: { minutes: '20' }, guestId: null },
  })
  expect((verified as { data: { body: string } }).data.body).toBe(
    '"Ada" {{link}} <b>, you are on the waitlist of Cedar. The wait is about 20 minutes. Reply 9 to cancel.',
  )
  expect(() => new Webhook(first).verify(`${body} `, headers as Record<string, string>)).toThrow(
    'No matching signature found',
  )
  expect(() =>
    new Webhook('whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0').verify(body, headers as Record<string, string>),
  ).toThrow('No matching signature found')

  // After a change of the secret both sign for a day.
  await house.set({ renewSecret: true })
  const second = await secretNow()
  expect(second).not.toBe(first)
  await house.tell()
  await sendDue(messenger)
  const both = receiver.received.at(-1)!
  for (const secret of [first, second]) new Webhook(secret).verify(both.body, both.headers as Record<string, string>)
  expect((both.headers['webhook-signature'] as string).split(' ')).toHaveLength(2)
  const later: Instant = plusMillis(clock.now(), DAY_MILLIS + 1_000)
  await house.tell({ usefulMillis: DAY_MILLIS })
  await database.sql(`update qtable.messages set expires_at = expires_at + interval '1 day' where status = 'waiting'`)
  await sendDue(
    openMessenger(
      database.db,
      clockOf(() => later),
    ),
  )
  expect((receiver.received.at(-1)!.headers['webhook-signature'] as string).split(' ')).toHaveLength(1)
})

test('X6: only owners see the secret, and nobody sees it with the settings', async () => {
  const clock = systemClock()
  const house = await openSending(database.db, clock, receiver.url)
  const as = (role: 'host' | 'manager') => ({ ...house.context, actor: { staffId: house.context.restaurantId, role } })
  await expect(ask({ db: database.db, clock }, getWebhookSecret, as('manager'), {})).rejects.toMatchObject({
    status: 403,
  })
  const settings = await ask({ db: database.db, clock }, getMessageSettings, as('manager'), {})
  expect(JSON.stringify(settings)).not.toContain('whsec_')
  expect(settings).toEqual({
    hourlyLimit: 200,
    webhookUrl: receiver.url,
  })
  await expect(ask({ db: database.db, clock }, getMessageSettings, as('host'), {})).rejects.toMatchObject({
    status: 403,
  })
})

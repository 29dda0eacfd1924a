import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type Restaurant, type TestApp } from '../../test/kit.ts'
import { openMessenger, sendDue } from '../../test/messages.ts'
import { systemClock } from '../platform/clock.ts'

/** Answers as Twilio posts them, signed as it signs. */

const TOKEN = 'the token of the account'
const PUBLIC = 'https://qtable.example'

let app: TestApp
let r: Restaurant
beforeAll(async () => {
  app = await startApp({ PUBLIC_URL: PUBLIC, SMS_ACCOUNT: 'AC1', SMS_TOKEN: TOKEN })
  r = await app.restaurant()
})
afterAll(() => app.close())

let sids = 0
const post = async (fields: Record<string, string>, more: { token?: string; sid?: string; path?: string } = {}) => {
  const { token = TOKEN, sid = `SM${++sids}`, path = '/replies/sms' } = more
  const form: Record<string, string> = { MessageSid: sid, To: '+4930999', ...fields }
  const text =
    PUBLIC +
    path +
    Object.keys(form)
      .toSorted()
      .map((name) => name + form[name])
      .join('')
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    'x-twilio-signature': createHmac('sha1', token).update(text).digest('base64'),
  }
  return app.call('POST', path, new URLSearchParams(form).toString(), headers)
}

/** A party that was called by SMS. */
async function called(phone: string, of = r): Promise<string> {
  const made = await of.v2('POST', '/guests', { firstName: 'Ada', partySize: 2, phone })
  const guestId: string = made.body.result.id
  const sent = await of.v2('POST', '/messages', { guestId, template: 'table-ready', channel: 'sms' })
  expect(sent.status, sent.text).toBe(200)
  await sendDue(openMessenger(app.database.db, systemClock()))
  return guestId
}
const guestOf = async (id: string, of = r) => (await of.v2('GET', `/guests/${id}`)).body.result
const changes = (id: string) =>
  app.database.sql(
    `select command, actor_kind as kind, actor_id as actor, device from qtable.changes
     where restaurant_id = $1 and command in ('guest-on-my-way', 'cancel-guest') and entries::text like '%' || $2 || '%'`,
    [r.id, id],
  )

test('X14: 1 is on the way and 9 cancels, as commands of the guest; a repeated answer counts once', async () => {
  const id = await called('+49 (30) 111-222')
  expect(await post({ From: '+4930111222', Body: ' 1\n' }, { sid: 'SMfirst' })).toMatchObject({ status: 200 })
  expect(await post({ From: '+4930111222', Body: ' 1\n' }, { sid: 'SMfirst' })).toMatchObject({ status: 200 })
  const one = { kind: 'guest', actor: id, device: 'sms' }
  expect(await changes(id)).toEqual([{ command: 'guest-on-my-way', ...one }])
  expect((await guestOf(id)).onMyWayAt).not.toBeNull()
  await post({ From: 'whatsapp:+4930111222', Body: '9' })
  expect((await guestOf(id)).status).toBe('cancelled')
  expect(await changes(id)).toEqual([
    { command: 'guest-on-my-way', ...one },
    { command: 'cancel-guest', ...one },
  ])
  // Too late for that: the answer is taken, and nothing changes.
  expect(await post({ From: '+4930111222', Body: '1' })).toMatchObject({ status: 200 })
  expect(await changes(id)).toHaveLength(2)
})

test('X14: what was not signed with the token, or says something else, or comes from nobody, changes nothing', async () => {
  const id = await called('+4930333444')
  const from = { From: '+4930333444', Body: '9' }
  expect((await post(from, { token: 'another' })).status).toBe(403)
  expect(
    (await app.call('POST', '/replies/sms', 'From=%2B4930333444&Body=9', { 'content-type': 'text/plain' })).status,
  ).toBe(403)
  expect((await app.call('POST', '/replies/sms', { From: '+4930333444', Body: '9' })).status).toBe(403)
  for (const fields of [
    { ...from, Body: '99' },
    { ...from, Body: '' },
    { ...from, From: '+4930333445' },
    { Body: '9' },
  ])
    expect((await post(fields as Record<string, string>)).status).toBe(200)
  expect((await post(from, { path: '/replies/sms?a=1' })).status).toBe(200)
  expect((await guestOf(id)).status).toBe('cancelled')
})

test('X14: a number that two restaurants wrote to answers the newer message, and nothing else', async () => {
  const other = await app.restaurant('Birch')
  const first = await called('+4930555666')
  const second = await called('+4930555666', other)
  await post({ From: '+4930555666', Body: '9' })
  expect([(await guestOf(first)).status, (await guestOf(second, other)).status]).toEqual(['waitlist', 'cancelled'])
})

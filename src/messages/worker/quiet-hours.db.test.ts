import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/database.ts'
import { handClock, openMessenger, openSending, quietSenders, sendDue } from '../../../test/messages.ts'
import { execute } from '../../changes/command/execute.ts'
import { newId } from '../../platform/ids.ts'
import { updateSettings } from '../../settings/update-settings.ts'
import type { Sender } from '../channels/channel.ts'

/** Quiet hours and limits as the worker keeps them, with a channel that notes what it is given. */

let database: TestDatabase
beforeAll(async () => {
  database = await openDatabase(4)
})
afterAll(() => database.close())

const sms = { channel: 'sms', recipient: '+49301' } as const

async function open(start: string) {
  const clock = handClock(start)
  const house = await openSending(database.db, clock, null)
  const deps = { db: database.db, clock, newId, publish: () => undefined }
  const quietHours = { from: '00:00', to: '09:00' } as const
  await execute(deps, updateSettings, house.context, { timeZone: 'Europe/Berlin', quietHours })
  const sent: string[] = []
  let answers: Awaited<ReturnType<Sender['send']>>[] = []
  const sender: Sender = {
    async send({ template, variables }) {
      sent.push(`${template} ${variables['name']}`)
      return answers.shift() ?? { kind: 'sent', reference: null }
    },
  }
  const messenger = openMessenger(database.db, clock, { senders: { ...quietSenders(), sms: sender } })
  return { clock, house, sent, messenger, answer: (...next: typeof answers) => void (answers = next) }
}

test('X9: what can wait is sent when the quiet hours end, in order; what is urgent overtakes it', async () => {
  const { clock, house, sent, messenger } = await open('2026-11-24T23:30:00.000000Z')
  await house.tell({ ...sms, template: 'reservation-reminder', variables: { name: '1' } })
  await house.tell({ ...sms, template: 'reservation-confirmed', variables: { name: '2' } })
  await sendDue(messenger)
  expect(sent).toEqual([])
  await house.tell({ ...sms, template: 'table-ready', variables: { name: '3' } })
  await sendDue(messenger)
  expect(sent).toEqual(['table-ready 3'])
  clock.forward(8.49 * 3_600_000)
  expect(await messenger.look()).toBe(0)
  clock.forward(0.02 * 3_600_000)
  await sendDue(messenger)
  expect(sent).toEqual(['table-ready 3', 'reservation-reminder 1', 'reservation-confirmed 2'])
})

test('X9: after the hourly limit the rest waits for its hour', async () => {
  const { clock, house, sent, messenger } = await open('2026-11-24T18:00:00.000000Z')
  await house.set({ hourlyLimit: 2 })
  for (const name of ['1', '2', '3', '4', '5']) await house.tell({ ...sms, variables: { name } })
  const counts: number[] = []
  for (let hour = 0; hour < 3; hour++) {
    await sendDue(messenger)
    counts.push(sent.length)
    clock.forward(3_600_000)
  }
  expect(counts).toEqual([2, 4, 5])
  expect(sent).toEqual(['1', '2', '3', '4', '5'].map((name) => `table-ready ${name}`))
})

test('X2: a message that only its recipient puts off is overtaken, and sent when its pause is over', async () => {
  const { clock, house, sent, messenger, answer } = await open('2026-11-24T18:00:00.000000Z')
  for (const name of ['1', '2']) await house.tell({ ...sms, variables: { name } })
  answer({ kind: 'put-off', why: 'busy' })
  await sendDue(messenger)
  expect(sent).toEqual(['table-ready 1', 'table-ready 2'])
  clock.forward(2_001)
  await sendDue(messenger)
  expect(sent.slice(2)).toEqual(['table-ready 1'])
})

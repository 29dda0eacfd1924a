import { createServer, type AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/kit.ts'
import { Notices } from './notices.ts'
import { within } from '../../../test/patience.ts'

let database: TestDatabase
let notices: Notices | null = null
beforeAll(async () => {
  database = await openDatabase(2)
})
afterEach(() => notices?.close())
afterAll(() => database.close())

const listeners = () =>
  database.sql<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and application_name = 'qtable notices'`,
  )

/** Hears a channel of its own; `begun` counts how often it began. */
function listen(channel: string) {
  const heard: string[] = []
  const told = { heard, begun: 0 }
  notices = database.db.notices(channel, { hear: (text) => void heard.push(text), begin: () => void told.begun++ })
  return told
}

const say = (channel: string, text: string) => database.sql('select pg_notify($1, $2)', [channel, text])

test('what is said is heard when it is committed, on one connection, which is gone after the end', async () => {
  const told = listen('test_said')
  expect(notices!.isHearing).toBe(false)
  await expect.poll(() => notices!.isHearing).toBe(true)
  expect(told).toEqual({ heard: [], begun: 1 })
  await say('test_said', 'one')
  await say('test_other', 'of another channel')
  await database
    .sql(`do $$ begin perform pg_notify('test_said', 'rolled back'); raise 'undone'; end $$`)
    .catch(() => undefined)
  await say('test_said', 'two')
  await expect.poll(() => told.heard).toEqual(['one', 'two'])
  expect(await listeners()).toHaveLength(1)
  await notices!.close()
  expect(notices!.isHearing).toBe(false)
  await expect.poll(listeners).toEqual([])
})

test('a connection that breaks is known to be deaf at once, and opened again by itself', async () => {
  const told = listen('test_broken')
  for (const times of [1, 2, 3]) {
    await expect.poll(() => told.begun).toBe(times)
    const [{ pid } = { pid: 0 }] = await listeners()
    await database.sql('select pg_terminate_backend($1)', [pid])
    await expect.poll(() => notices!.isHearing).toBe(false)
  }
  await expect.poll(() => notices!.isHearing).toBe(true)
  await say('test_broken', 'again')
  await expect.poll(() => told.heard).toEqual(['again'])
})

test('where nothing comes it never counts as hearing, and is tried less and less often', async () => {
  // What is said goes to another channel, as it does behind a pooler that hands LISTEN and NOTIFY to different connections.
  const heard: string[] = []
  let said = 0
  notices = new Notices({
    url: database.url,
    channel: 'test_deaf',
    say: async () => void said++,
    hear: (text) => void heard.push(text),
    begin: () => void heard.push('begun'),
  })
  await expect.poll(() => said).toBe(2)
  expect([heard, notices.isHearing]).toEqual([[], false])
})

test('one that is closed while it begins, or while nobody answers, has ended soon', async () => {
  for (const wait of [0, 1, 5, 20]) {
    listen('test_soon')
    await new Promise((resolve) => setTimeout(resolve, wait))
    const start = Date.now()
    await notices!.close()
    expect(Date.now() - start).toBeLessThan(within(1_500))
  }
  await expect.poll(listeners).toEqual([])
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  notices = new Notices({
    url: `postgresql://nobody@127.0.0.1:${port}/none`,
    channel: 'test_silent',
    say: () => Promise.reject(new Error('nothing is to be said')),
    hear: () => undefined,
    begin: () => undefined,
  })
  await new Promise((resolve) => silent.once('connection', resolve))
  const start = Date.now()
  await notices.close()
  expect(Date.now() - start).toBeLessThan(within(3_000))
  silent.close()
})

import { expect, test } from 'vitest'
import { device, signedInAs } from '../test/used-device.ts'
import { change, type Reply } from '../test/lines.ts'
import { ACCOUNT, QTable } from './client.ts'
import { ways } from './reduce.ts'
import { TOKENS } from './session.ts'
import type { Mutation } from './mutations.ts'

/** How the parts of the client are put together: a whole device, with the server's side and the clock in the test's hand. */

test('D9: what was stored is shown before anything is asked of the network', async () => {
  const { qtable, asked, lines, open } = await device()
  const sent = qtable.do.updateGuest({ guestId: 'a', notes: 'n' })
  await sent.stored
  const again = await open()
  expect([again.status, again.pendingCount, again.confirmed.seq, again.lastSyncedAt]).toEqual(['stopped', 1, 4, null])
  expect(again.floor.guests).toMatchObject([{ firstName: 'Ada', notes: 'n' }])
  expect([again.signedIn?.staffId, again.conflicts, again.repairs]).toEqual(['s', [], 0])
  expect([asked, lines]).toEqual([[], []])
  const bare = await device({ isUsed: false, isSignedIn: false })
  expect([bare.qtable.status, bare.qtable.floor.guests, bare.qtable.signedIn]).toEqual(['signed-out', [], null])
  expect(() => bare.qtable.do.addGuest({ firstName: 'Ada', partySize: 2 })).toThrow(
    expect.objectContaining({ code: 'not-signed-in' }),
  )
  bare.qtable.start()
  await bare.settle()
  expect([bare.qtable.status, bare.lines]).toEqual(['signed-out', []])
})

test('D6, D11: a method for each command makes a mutation that says whose version was seen', async () => {
  const { qtable, stored, state } = await device()
  expect(
    Object.keys(qtable.do).map((name) => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)),
  ).toEqual(Object.keys(ways))
  state.now = Date.UTC(2026, 10, 23, 12, 0, 0, 5)
  const last = async () => (await stored<Mutation>('r/s/mutation/')).at(-1)!
  const deleted = qtable.do.deleteGuest({ guestId: 'a' })
  // Shown at once.
  expect([qtable.floor.guests, qtable.pendingCount, deleted.made]).toEqual([[], 1, null])
  await deleted.stored
  expect(await last()).toEqual({
    id: deleted.id,
    command: 'delete-guest',
    method: 'DELETE',
    path: '/guests/a',
    params: { guestId: 'a' },
    body: { version: 7 },
    version: 7,
    madeAt: '2026-11-23T12:00:00.005000Z',
    device: 'Bar',
    staffId: 's',
  })
  // What is said counts; of what is not shown no version is known; others go without one.
  await qtable.do.deleteGuest({ guestId: 'a', version: 3 }).stored
  expect(await last()).toMatchObject({ version: 3, body: { version: 3 } })
  await qtable.do.clearTable({ tableId: 't' }).stored
  expect(await last()).toMatchObject({ version: null, body: {} })
  await qtable.do.seatGuest({ guestId: 'a', tableId: 't' }).stored
  expect(await last()).toMatchObject({ version: null, body: { tableId: 't' } })
  const made = qtable.do.addGuest({ firstName: 'Bo', partySize: 2 })
  await made.stored
  expect(made.made).toMatch(/^[0-9a-f-]{36}$/)
  expect(made.made).not.toBe(made.id)
  expect(await last()).toMatchObject({ id: made.id, body: { id: made.made, firstName: 'Bo' } })
  const named = qtable.do.addGuest({ id: 'mine', firstName: 'Bo', partySize: 2 })
  await named.stored
  expect([named.made, (await last()).body['id']]).toEqual(['mine', 'mine'])
  const nameless = await device({ name: '' })
  await nameless.qtable.do.updateGuest({ guestId: 'a', notes: 'n' }).stored
  expect(await nameless.stored('r/s/mutation/')).toMatchObject([{ device: null }])
})

test('D6, D7: started, it sends what is queued and hears of it, over the address of the restaurant', async () => {
  const { qtable, asked, replies, live, last, state, say, settle, stored } = await device()
  replies.answer = () => [200, { result: { id: 'a' }, seq: 5 }]
  const sent = qtable.do.updateGuest({ guestId: 'a', notes: 'n' })
  await live()
  expect(await sent.settled).toEqual({ outcome: 'done', seq: 5, result: { id: 'a' } })
  const token = 'Bearer a'
  expect(asked).toEqual([{ url: 'https://q/v2/restaurants/r/guests/a', body: { notes: 'n' }, token }])
  expect(last().url).toBe('wss://q/v2/restaurants/r/stream')
  expect([qtable.status, qtable.lastSyncedAt, qtable.pendingCount]).toEqual(['live', state.now, 0])
  // Done, and shown until its change comes.
  expect([qtable.confirmed.seq, qtable.floor.get('guest', 'a')?.notes]).toEqual([4, 'n'])
  // Its answer is lost; its change comes on the stream.
  replies.answer = () => null
  const lost = qtable.do.updateGuest({ guestId: 'a', notes: 'm' })
  await settle()
  expect(qtable.pendingCount).toBe(1)
  say({ type: 'changes', changes: [change(5), { ...change(6), mutationId: lost.id }] })
  expect(await lost.settled).toEqual({ outcome: 'done', seq: 6, result: null })
  expect(await stored('r/s/state')).toMatchObject([{ seq: 4 }])
  await qtable.stop()
  expect([qtable.status, await stored('r/s/state')]).toMatchObject(['stopped', [{ seq: 6 }]])
  // Stored by itself some seconds after a change, too.
  const other = await device({ server: 'http://localhost:8000' })
  await other.live()
  expect(other.last().url).toBe('ws://localhost:8000/v2/restaurants/r/stream')
  other.say({ type: 'changes', changes: [change(5)] })
  await other.pass(3_000)
  expect(await other.stored('r/s/state')).toMatchObject([{ seq: 5 }])
})

test('D10: whoever looks is told once for what changes at once, and no more when they no longer look', async () => {
  const { qtable, settle } = await device()
  let told = 0
  const end = qtable.subscribe(() => void told++)
  qtable.do.updateGuest({ guestId: 'a', notes: 'n' })
  qtable.do.updateGuest({ guestId: 'a', notes: 'm' })
  expect(told).toBe(0)
  await settle()
  expect(told).toBe(1)
  qtable.start()
  await settle()
  expect(told).toBeGreaterThan(1)
  end()
  const before = told
  qtable.do.updateGuest({ guestId: 'a', notes: 'o' })
  await settle()
  expect(told).toBe(before)
})

test('D8: a conflict is shown until it is dismissed, and what it wanted is no longer shown', async () => {
  const { qtable, replies, live, stored } = await device()
  replies.answer = () => [409, { code: 'version-conflict', title: 'Changed' }]
  const sent = qtable.do.updateGuest({ guestId: 'a', notes: 'n' })
  await live()
  expect(await sent.settled).toMatchObject({
    outcome: 'refused',
    conflict: { refusedAt: '1970-01-01T00:16:40.000000Z' },
  })
  expect(qtable.conflicts.map(({ mutation }) => mutation.id)).toEqual([sent.id])
  expect(qtable.floor.get('guest', 'a')).toMatchObject({ notes: null, version: 7 })
  await qtable.dismiss(sent.id)
  expect([qtable.conflicts, await stored('r/s/conflict/')]).toEqual([[], []])
  // Also where nothing else happens.
  const next = qtable.do.updateGuest({ guestId: 'a', notes: 'm' })
  expect(qtable.floor.get('guest', 'a')?.notes).toBe('m')
  await next.settled
  expect(qtable.floor.get('guest', 'a')?.notes).toBeNull()
})

test('D4, D9: another person on the same device sees nothing of what the first left, which stays for them', async () => {
  const of = await device()
  const { qtable, replies, asked, stored, settle } = of
  await of.live()
  of.say({ type: 'changes', changes: [change(5)] })
  await qtable.do.updateGuest({ guestId: 'a', notes: 'n' }).stored
  await settle()
  replies.answer = (url) => (url.endsWith('/sign-in') ? signedInAs('other', 'r2') : null)
  const before = of.last()
  expect(await qtable.signIn('o@x.example', 'secret')).toEqual({ staffId: 'other', restaurantId: 'r2', role: 'host' })
  expect(asked.at(-1)?.body).toEqual({ email: 'o@x.example', password: 'secret', device: 'Bar' })
  expect([before.isClosed, await stored('r/s/state'), await stored(ACCOUNT)]).toMatchObject([
    true,
    [{ seq: 5 }],
    [{ staffId: 'other', restaurantId: 'r2' }],
  ])
  expect([qtable.status, qtable.pendingCount, qtable.floor.guests]).toEqual(['connecting', 0, []])
  await settle()
  expect([of.last().url, of.last().token]).toEqual(['wss://q/v2/restaurants/r2/stream', 'of other'])
  // Nobody sends what the first left while the second is signed in.
  const count = asked.length
  await of.pass(60_000)
  expect(asked.slice(count).filter(({ url }) => url.includes('/restaurants/r/'))).toEqual([])
  // The same restaurant, another person: theirs is theirs.
  for (const [staffId, restaurantId, left] of [
    ['third', 'r', 0],
    ['s', 'r', 1],
    ['s', 'r2', 0],
    ['s', 'r', 1],
  ] as const) {
    replies.answer = (url) => (url.endsWith('/sign-in') ? signedInAs(staffId, restaurantId) : null)
    await qtable.signIn('o@x.example', 'secret')
    expect(qtable.pendingCount, `${staffId} ${restaurantId}`).toBe(left)
  }
  expect(qtable.floor.guests).toHaveLength(2)
})

test('D9: what one person did is never sent as another, who signed in while it was on its way', async () => {
  const { qtable, replies, asked, live, settle } = await device()
  let refuse: (reply: Reply) => void = () => undefined
  replies.answer = (url) =>
    url.endsWith('/sign-in') ? signedInAs('other') : new Promise<Reply>((resolve) => (refuse = resolve))
  await live()
  await qtable.do.updateGuest({ guestId: 'a', notes: 'n' }).stored
  await settle()
  await qtable.signIn('o@x.example', 'secret')
  // The first token is no good any more: there is another, but not theirs.
  refuse([401, { code: 'not-signed-in' }])
  await settle()
  expect(asked.map(({ token }) => token)).toEqual(['Bearer a', undefined])
  replies.answer = (url) => (url.endsWith('/sign-in') ? signedInAs('s') : [200, { result: 1, seq: 5 }])
  await qtable.signIn('s@x.example', 'secret')
  await settle()
  expect(asked.at(-1)).toMatchObject({ body: { notes: 'n' }, token: 'Bearer of s' })
})

test('D9: a new device, of a machine that says nothing of its network, takes whoever signs in', async () => {
  const { at, replies, last, settle, stored } = await device({ isUsed: false, isSignedIn: false })
  const deaf = { ...at }
  delete deaf.watchNetwork
  const qtable = await QTable.open(deaf, { server: 'https://q' })
  replies.answer = () => signedInAs('s')
  await qtable.signIn('s@x.example', 'secret')
  await settle()
  expect([last().url, await stored(ACCOUNT)]).toEqual([
    'wss://q/v2/restaurants/r/stream',
    [{ restaurantId: 'r', staffId: 's' }],
  ])
  await qtable.close()
  expect(qtable.status).toBe('stopped')
})

test('D5: the same person who signs in again goes on with what they did', async () => {
  const { qtable, replies, asked, lines, last, settle, waits, state } = await device({ isSignedIn: false })
  expect(qtable.status).toBe('signed-out')
  await qtable.do.updateGuest({ guestId: 'a', notes: 'n' }).stored
  const { floor } = qtable
  // Until then nothing is even tried.
  qtable.start()
  state.tellNetwork!(true)
  await settle()
  expect([qtable.status, waits(), asked]).toEqual(['signed-out', [], []])
  let told = 0
  qtable.subscribe(() => void told++)
  await settle()
  const before = told
  replies.answer = (url) => (url.endsWith('/sign-in') ? signedInAs('s') : [200, { result: 1, seq: 5 }])
  await qtable.signIn('s@x.example', 'secret')
  await settle()
  expect([qtable.floor === floor, qtable.status, lines.length, last().token]).toEqual([true, 'connecting', 1, 'of s'])
  expect(asked.map(({ url }) => url)).toEqual(['https://q/v2/sign-in', 'https://q/v2/restaurants/r/guests/a'])
  expect([qtable.pendingCount, told > before]).toEqual([0, true])
})

test('D5: signed out, by the person or for good by the server, nothing more is sent', async () => {
  const { qtable, asked, live, say, last, settle, pass, stored } = await device()
  await live()
  say({ type: 'changes', changes: [change(5)] })
  await qtable.signOut()
  expect([qtable.status, last().isClosed, qtable.signedIn, await stored(TOKENS)]).toEqual([
    'signed-out',
    true,
    null,
    [],
  ])
  expect(await stored('r/s/state')).toMatchObject([{ seq: 5 }])
  const count = asked.length
  qtable.do.updateGuest({ guestId: 'a', notes: 'n' })
  await pass(60_000)
  expect([asked.length, qtable.pendingCount]).toEqual([count, 1])
  const ended = await device()
  ended.replies.answer = (url) => [401, { code: url.endsWith('/refresh') ? 'refresh-refused' : 'no-token' }]
  await ended.live()
  ended.qtable.do.updateGuest({ guestId: 'a', notes: 'n' })
  await settle()
  expect([ended.qtable.status, ended.qtable.signedIn, ended.last().isClosed]).toEqual(['signed-out', null, true])
  const asks = ended.asked.length
  await ended.pass(60_000)
  expect([ended.asked.length, ended.qtable.pendingCount]).toEqual([asks, 1])
})

test('D3: the device says when its network comes and goes; what waits is sent at once, where that is wanted', async () => {
  const { qtable, state, asked, live, lines, settle } = await device()
  state.tellNetwork!(true)
  qtable.do.updateGuest({ guestId: 'a', notes: 'n' })
  await settle()
  expect([qtable.status, asked]).toEqual(['stopped', []])
  await live()
  await settle()
  expect(asked).toHaveLength(1)
  state.tellNetwork!(false)
  await settle()
  expect([qtable.status, asked.length]).toEqual(['offline', 1])
  state.tellNetwork!(true)
  await settle()
  expect([qtable.status, lines.length, asked.length]).toEqual(['connecting', 2, 2])
})

test('D9: closed, it has stored what it held, hears of no network, and cannot be started again', async () => {
  const { qtable, state, closed, live, say, stored } = await device()
  await live()
  say({ type: 'changes', changes: [change(5)] })
  await qtable.close()
  expect([qtable.status, state.tellNetwork, closed()]).toEqual(['stopped', null, 1])
  expect(await stored('r/s/state')).toMatchObject([{ seq: 5 }])
  expect(() => qtable.start()).toThrow(expect.objectContaining({ code: 'closed' }))
  // What cannot be stored any more keeps nobody from closing.
  const full = await device()
  await full.live()
  full.say({ type: 'changes', changes: [change(5)] })
  full.storage.write = () => Promise.reject(new Error('full'))
  await expect(full.qtable.stop()).rejects.toThrow('full')
  await full.qtable.close()
  expect(full.closed()).toBe(1)
})

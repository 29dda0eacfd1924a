import { afterAll, beforeAll, expect, test } from 'vitest'
import { Network, until } from '../test/devices.ts'
import { startApp, TEST_PASSWORD, type Restaurant, type TestApp } from '../test/kit.ts'
import { QTable } from './client.ts'
import { surroundings } from './node.ts'
import { TOKENS, type Tokens } from './session.ts'
import { MemoryStorage } from './storage.ts'

/** Signing in, renewing and losing answers, against the real server. */

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** A device on whose clock time can be let pass. */
async function open(storage = new MemoryStorage(), network = new Network()) {
  const clock = { aheadMillis: 0 }
  const at = { ...network.around(surroundings(storage)), now: () => Date.now() + clock.aheadMillis }
  const client = await QTable.open(at, { server: app.base, device: 'Bar' })
  return { client, storage, network, clock }
}

const isLive = (client: QTable) => until(client, () => client.status === 'live')
const tokensIn = async (storage: MemoryStorage) => (await storage.get(TOKENS)) as Tokens | undefined

async function signedIn(r: Restaurant) {
  const made = await open()
  await made.client.signIn(r.email, TEST_PASSWORD)
  await isLive(made.client)
  return made
}

test('D4: a person signs in once; the next process goes on by itself, and the tokens it has change as they are used up', async () => {
  const r = await app.restaurant()
  const first = await open()
  expect(first.client.status).toBe('signed-out')
  await expect(first.client.signIn(r.email, 'wrong')).rejects.toMatchObject({ code: 'wrong-credentials' })
  expect(() => first.client.do.addGuest({ firstName: 'A', partySize: 1 })).toThrow('Sign in first')
  await first.client.signIn(r.email, TEST_PASSWORD)
  await isLive(first.client)
  await first.client.close()
  const before = await tokensIn(first.storage)
  const second = await open(first.storage)
  second.clock.aheadMillis = 24 * 3_600_000
  second.client.start()
  await isLive(second.client)
  const after = await tokensIn(first.storage)
  expect(after?.refreshToken).not.toBe(before?.refreshToken)
  await second.client.close()
})

test('D4, D5: an answer to a refresh is lost while mutations wait: the same token is sent again and all of them arrive', async () => {
  const r = await app.restaurant()
  const { client, network, clock, storage } = await signedIn(r)
  let refreshes = 0
  network.loses = (url) => url.endsWith('/v2/refresh') && ++refreshes === 1
  clock.aheadMillis = 24 * 3_600_000
  const sent = Array.from({ length: 5 }, (_, n) => client.do.addGuest({ firstName: `G${n}`, partySize: 2 }))
  const settled = await Promise.all(sent.map((each) => each.settled))
  expect(settled.map(({ outcome }) => outcome)).toEqual(sent.map(() => 'done'))
  expect(refreshes).toBe(2)
  expect(client.status).not.toBe('signed-out')
  expect((await tokensIn(storage))?.staffId).toBe(r.staffId)
  await client.close()
})

test('D4, D6: a token that ends while mutations are sent is replaced, and each is sent again with its own key', async () => {
  const r = await app.restaurant()
  const { client, storage } = await signedIn(r)
  const tokens = (await tokensIn(storage))!
  await client.close()
  // The server takes it for nothing, the device for good.
  await storage.write([{ put: TOKENS, value: { ...tokens, accessToken: `${tokens.accessToken}x` } }])
  const again = await open(storage)
  const sent = again.client.do.addGuest({ firstName: 'A', partySize: 2 })
  again.client.start()
  expect(await sent.settled).toMatchObject({ outcome: 'done' })
  await isLive(again.client)
  await again.client.close()
})

test('D5: the sign-in is ended at the server: the device is signed out, keeps what was not sent, and sends it after the next sign-in', async () => {
  const r = await app.restaurant()
  const { client, storage, network } = await signedIn(r)
  network.down()
  const sent = client.do.addGuest({ firstName: 'Kept', partySize: 2 })
  await sent.stored
  const tokens = (await tokensIn(storage))!
  await app.call('POST', '/v2/sign-out', { refreshToken: tokens.refreshToken })
  await client.close()
  await storage.write([{ put: TOKENS, value: { ...tokens, expiresAt: 0 } }])
  const again = await open(storage)
  again.client.start()
  await until(again.client, () => again.client.status === 'signed-out')
  expect([again.client.pendingCount, await tokensIn(storage)]).toEqual([1, undefined])
  await again.client.signIn(r.email, TEST_PASSWORD)
  await until(again.client, () => again.client.pendingCount === 0 && again.client.status === 'live')
  expect(again.client.floor.guests.map(({ firstName }) => firstName)).toEqual(['Kept'])
  await again.client.close()
})

test('D7: what one person left unsent stays theirs; the next on the same device sees nothing of it', async () => {
  const [r, other] = [await app.restaurant(), await app.restaurant()]
  const { client, network, storage } = await signedIn(r)
  network.down()
  await client.do.addGuest({ firstName: 'Mine', partySize: 2 }).stored
  await client.signOut()
  network.up()
  await client.signIn(other.email, TEST_PASSWORD)
  await isLive(client)
  expect([client.pendingCount, client.floor.guests]).toEqual([0, []])
  await client.signOut()
  expect(await tokensIn(storage)).toBeUndefined()
  await client.signIn(r.email, TEST_PASSWORD)
  await until(client, () => client.pendingCount === 0 && client.floor.guests.length === 1)
  await client.close()
})

import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { renewAllEpochs } from '../../src/changes/housekeeping/lineage.ts'
import { newId } from '../../src/platform/ids.ts'
import { createLog } from '../../src/platform/observability/log.ts'
import { RedisTopics } from '../../src/platform/redis.ts'
import { openDevice, startApp, TEST_SECRET, type Device, type Restaurant, type TestApp } from '../kit.ts'
import { until } from './processes.ts'
import { needsRedis, startRedis, type RedisServer } from './redis.ts'
import { cleanUp, cleanUpAll } from './server.ts'

/** Somebody who can write to Redis, and what devices see of it: nothing. */

beforeEach(needsRedis)
afterEach(cleanUpAll)

const log = createLog('silent')

/** An application with a Redis, beside another one. */
async function started(redis: RedisServer, beside?: TestApp): Promise<TestApp> {
  const topics = new RedisTopics(redis.url, log)
  const app = await startApp({}, { topics, store: topics, ...(beside && { database: beside.database }) })
  cleanUp(async () => {
    await app.close()
    await topics.close()
  })
  await until(() => topics.figures.connected)
  return app
}

/** A restaurant with a device on another process than the one that writes, somebody who listens to its topic, and what they heard. */
async function house(redis: RedisServer, first: TestApp, second: TestApp) {
  const restaurant = await first.restaurant()
  const topic = `qtable:changes:${restaurant.id}`
  const open = () => openDevice(second.base, `/realtime?restaurant_id=${restaurant.id}&token=${restaurant.token}`)
  const device = await open()
  await until(async () => String(await redis.command('pubsub', 'numsub', topic)) === `${topic},1`)
  const spy = redis.connect()
  await spy.command('subscribe', topic)
  /** A walk-in, and the word of it. */
  const walkIn = async (name: string, by = device): Promise<string> => {
    await restaurant.walkIn(name)
    await by.until((messages) => namesIn(messages).includes(name))
    await until(() => spy.messages.some(([, , text]) => text?.includes(`"${name}"`)))
    return spy.messages.map(([, , text]) => text!).find((text) => text.includes(`"${name}"`))!
  }
  return { restaurant, topic, device, open, walkIn }
}

const namesIn = (messages: Device['messages'] | readonly object[]): string[] =>
  messages.flatMap((message) => JSON.stringify(message).match(/(?<="firstName": ?")[^"]*/g) ?? [])

const headOf = async (restaurant: Restaurant): Promise<{ epoch: string; seq: number }> =>
  (await restaurant.v2('GET', '/snapshot')).body

test('H6: a forged word of a change reaches no device, whatever is true in it', async () => {
  const redis = await startRedis()
  const first = await started(redis)
  const second = await started(redis, first)
  const { restaurant, topic, device, walkIn } = await house(redis, first, second)
  const other = await house(redis, first, second)
  const genuine = await walkIn('Ada')
  const { epoch, seq } = await headOf(restaurant)
  const [seal = '', ...rest] = genuine.split(' ')
  const next = rest
    .join(' ')
    .replaceAll('"Ada"', '"Eve"')
    .replace(`"seq":${seq}`, `"seq":${seq + 1}`)
    .replace(` ${seq} `, ` ${seq + 1} `)
  const sealed = (key: string | Buffer, text: string) =>
    `${createHmac('sha256', key).update(`${topic}\n${text}`).digest().subarray(0, 16).toString('base64url')} ${text}`
  const forged = [
    next,
    `${seal} ${next}`,
    `${seal} ${rest.join(' ').replaceAll('"Ada"', '"Eve"')}`,
    sealed('another key', next),
    sealed(TEST_SECRET, next),
    `${seal} ${newId()} ${epoch} ${seq + 1} `,
    `${'A'.repeat(22)} ${next}`,
    `${'é'.repeat(22)} ${next}`,
    ` ${next}`,
    'x'.repeat(10_000),
  ]
  for (const text of forged) expect(await redis.command('publish', topic, text)).toBeGreaterThan(1)
  // Genuine, but of another restaurant.
  expect(
    await redis.command('publish', topic, (await other.walkIn('Zoe')).replaceAll(other.restaurant.id, restaurant.id)),
  ).toBeGreaterThan(1)
  await walkIn('Bob')
  expect(namesIn(device.messages)).toEqual(['Ada', 'Bob'])
  expect(second.app.hub.newest(restaurant.id)).toEqual({ epoch, seq: seq + 1 })
  await device.close()
})

test('H6: an old word that is said again does nothing, also when its epoch is over', async () => {
  const redis = await startRedis()
  const first = await started(redis)
  const second = await started(redis, first)
  const { restaurant, topic, device, open, walkIn } = await house(redis, first, second)
  const old = [await walkIn('Ada'), await walkIn('Bob')]
  const replay = async () => {
    for (let times = 0; times < 20; times++) for (const text of old) await redis.command('publish', topic, text)
  }
  await replay()
  await walkIn('Cy')
  expect(namesIn(device.messages)).toEqual(['Ada', 'Bob', 'Cy'])

  await renewAllEpochs(first.database.db)
  const heads = 'select epoch from qtable.heads where restaurant_id = $1'
  const [{ epoch }] = (await first.database.sql<{ epoch: string }>(heads, [restaurant.id])) as [{ epoch: string }]
  // A log that begins anew asks devices to come again.
  await device.closed
  const again = await open()
  await until(() => second.app.hub.newest(restaurant.id)?.epoch === epoch)
  let asked = 0
  const ignore = () => undefined
  const statement = (name: string) => void (asked += Number(name === 'read-heads'))
  second.database.db.observe({ statement, transaction: ignore, waited: ignore, gaveUp: ignore, reached: ignore })
  await replay()
  await walkIn('Di', again)
  expect(namesIn(again.messages)).toEqual(['Di'])
  // What is over is looked into now and then, not each time.
  expect(asked).toBeLessThan(10)
  await again.close()
})

test('H6: an answer in Redis that was changed, or is another’s, is not served', async () => {
  const redis = await startRedis()
  const first = await started(redis)
  const [mine, theirs] = [await first.restaurant(), await first.restaurant()]
  await mine.walkIn('Ada')
  await theirs.walkIn('Zoe')
  const read = async (app: TestApp, { id, token }: Restaurant) =>
    (await app.call('GET', `/restaurants/${id}/guests`, undefined, { authorization: `Bearer ${token}` })).text
  const good = await read(first, mine)
  await read(first, theirs)
  const keys = async () => (await redis.command('keys', 'qtable:answer:*')) as string[]
  await until(async () => (await keys()).length === 2)
  const nameOf = async ({ id }: Restaurant) => (await keys()).find((name) => name.includes(id))!
  // Whoever found it spoiled writes it anew, a moment later.
  const kept = () => nameOf(mine).then((name) => redis.command('get', name))
  const whole = await kept()
  const isWhole = async () => (await kept()) === whole
  const length = Number(await redis.command('strlen', await nameOf(mine)))
  for (const [what, spoil] of [
    ['a changed one', async () => redis.command('setrange', await nameOf(mine), length - 5, 'x')],
    ['a longer one', async () => redis.command('append', await nameOf(mine), 'x')],
    ['another’s', async () => redis.command('copy', await nameOf(theirs), await nameOf(mine), 'replace')],
    ['none', async () => redis.command('set', await nameOf(mine), '')],
  ] as const) {
    await until(isWhole)
    await spoil()
    const cold = await started(redis, first)
    expect(await read(cold, mine), what).toBe(good)
    expect(cold.app.answers.figures.found, what).toMatchObject({ redis: 0, made: 1 })
  }
})

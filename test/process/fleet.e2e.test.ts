import { afterEach, expect, test } from 'vitest'
import { register, request } from '../kit.ts'
import { startFleet } from './fleet.ts'
import { startPostgres } from './postgres-process.ts'
import { openProxyTo, type Proxy } from './proxy.ts'
import { cleanUpAll } from './server.ts'

afterEach(cleanUpAll)

test('servers over one database start at once, and are stopped, killed and brought back one by one at the same port', async () => {
  const postgres = await startPostgres()
  const proxies: Proxy[] = []
  const fleet = await startFleet(3, async (index) => {
    const { proxy, url } = await openProxyTo(postgres.url)
    proxies[index] = proxy
    return { DATABASE_URL: url, POOL_SIZE: '5' }
  })
  expect(fleet.running).toEqual([0, 1, 2])
  const restaurant = await register(fleet.bases[0]!)
  await restaurant.table('7')
  const headers = { authorization: `Bearer ${restaurant.token}` }
  const ask = async (index: number) =>
    (await request(fleet.bases[index]!, 'GET', `/v2/restaurants/${restaurant.id}/tables`, undefined, headers)).status
  const all = () => Promise.all([0, 1, 2].map((index) => ask(index).catch(() => 'away')))
  expect(await all()).toEqual([200, 200, 200])

  expect((await fleet.stop(1)).code).toBe(0)
  expect((await fleet.kill(2)).signal).toBe('SIGKILL')
  expect(await all()).toEqual([200, 'away', 'away'])
  expect(fleet.running).toEqual([0])
  expect(() => fleet.at(2)).toThrow("doesn't run")
  await Promise.all([fleet.start(1), fleet.start(2)])
  expect(await all()).toEqual([200, 200, 200])
  const { pid } = fleet.at(0)
  expect((await fleet.restart(0, 'SIGKILL')).pid).not.toBe(pid)
  expect(fleet.at(0).base).toBe(fleet.bases[0])

  // One of them loses the database, the others don't.
  await proxies[1]!.down()
  expect(await all()).toEqual([200, 503, 200])
  await proxies[1]!.up()
  await expect.poll(all).toEqual([200, 200, 200])
})

import { afterEach, expect, test } from 'vitest'
import { asLogin } from '../postgres.ts'
import { startPostgres } from './postgres-process.ts'
import { isAlive, until } from './processes.ts'
import { openProxyTo } from './proxy.ts'
import { cleanUpAll } from './server.ts'

afterEach(cleanUpAll)

test('a PostgreSQL of its own is ended in every way and comes back at the same place with all that was acknowledged', async () => {
  const postgres = await startPostgres(20)
  await asLogin(postgres.url, 'create table kept (id int)')
  const { proxy, url } = await openProxyTo(postgres.url)
  let rows = 0
  for (const end of [postgres.stop, postgres.kill, postgres.killPostmaster]) {
    await asLogin(url, 'insert into kept values (1)')
    rows++
    const before = postgres.pid()!
    await end()
    expect(postgres.pid()).toBeUndefined()
    expect(await isAlive(before)).toBe(false)
    await expect(asLogin(url, 'select')).rejects.toThrow(/./)
    await postgres.start()
    expect(postgres.pid()).not.toBe(before)
    expect(await asLogin(url, 'select count(*)::int as rows from kept')).toEqual([{ rows }])
  }
  expect(proxy.counters.connections).toBeGreaterThan(8)

  const before = postgres.pid()
  await postgres.crash()
  const count = () => asLogin(url, 'select count(*)::int as rows from kept').catch(() => [])
  await until(async () => JSON.stringify(await count()) === JSON.stringify([{ rows }]))
  expect(postgres.pid()).toBe(before)

  await postgres.pause()
  let answered = false
  const answer = count().then(() => (answered = true))
  await new Promise((next) => setTimeout(next, 200))
  expect(answered).toBe(false)
  await postgres.resume()
  expect(await answer).toBe(true)
  await cleanUpAll()
  expect(await isAlive(before!)).toBe(false)
})

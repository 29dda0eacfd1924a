import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { openDatabase, register, request } from '../kit.ts'
import { familyOf, until } from '../process/processes.ts'
import { cleanUp, cleanUpAll, folder, startServer } from '../process/server.ts'
import { needsPromtool, objectionsTo, seriesIn } from './promtool.ts'

/** /metrics of whole processes. */

afterEach(cleanUpAll)

const OPS_TOKEN = 'a token for tests only'
const scrape = async (base: string, token = OPS_TOKEN) => {
  const answer = await request(base, 'GET', '/metrics', undefined, { authorization: `Bearer ${token}` })
  expect(answer.status, answer.text).toBe(200)
  return answer.text
}

const COMMANDS = 40

test('M3: several processes answer with the sum of all, which never runs back when one is killed and replaced', async (context) => {
  needsPromtool(context)
  const database = await openDatabase()
  cleanUp(() => database.close())
  const env = { DATABASE_URL: database.url, SECRET_KEY: 'the same for all of them', OPS_TOKEN, WEB_CONCURRENCY: '2' }
  const server = await startServer(env)
  const r = await register(server.base)
  const guest = () =>
    request(
      server.base,
      'POST',
      `/restaurants/${r.id}/guests`,
      { first_name: 'Ada', party_size: 2 },
      {
        authorization: `Bearer ${r.token}`,
        // A connection of its own, which either process may take.
        connection: 'close',
      },
    )
  const send = async () => {
    for (let n = 0; n < COMMANDS; n++) expect((await guest()).status).toBe(200)
  }
  await send()
  const changes = 'qtable_changes_total{command="add-guest"}'
  const text = await scrape(server.base)
  expect(seriesIn(text).get(changes)).toBe(COMMANDS)
  expect(seriesIn(text).get('db_client_connection_max')).toBe(40)
  expect(seriesIn(text).get('qtable_db_up')).toBe(1)
  expect(
    objectionsTo(text)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('db_client_connection_count ')),
  ).toEqual([])
  // Whichever process answers.
  for (let n = 0; n < 6; n++) expect(seriesIn(await scrape(server.base)).get(changes)).toBe(COMMANDS)

  const [first, ...workers] = await familyOf(server.pid)
  expect(first!.pid).toBe(server.pid)
  expect(workers).toHaveLength(2)
  process.kill(workers[0]!.pid, 'SIGKILL')
  const renewed = async () => {
    const now = await familyOf(server.pid)
    return now.length === 3 && !now.some(({ pid }) => pid === workers[0]!.pid)
  }
  await until(renewed, 30_000)
  const max = async () => seriesIn(await scrape(server.base)).get('db_client_connection_max')
  await until(async () => (await max()) === 40, 30_000)
  expect(seriesIn(await scrape(server.base)).get(changes)).toBe(COMMANDS)
  await send()
  expect(seriesIn(await scrape(server.base)).get(changes)).toBe(2 * COMMANDS)
})

test('M1: with the embedded database the token is made at the first start, readable by its owner only, and stays', async () => {
  const env = { QTABLE_DATA: join(await folder(), 'data') }
  const file = join(env.QTABLE_DATA, 'ops-token')
  const server = await startServer(env)
  const token = (await readFile(file, 'utf8')).trim()
  expect(token.length).toBeGreaterThan(30)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  // What it says at start may come in parts.
  await expect.poll(() => server.output()).toContain(file)
  expect(server.output()).not.toContain(token)
  expect(await scrape(server.base, token)).toContain('qtable_build_info')
  await server.end('SIGTERM')
  const again = await startServer(env)
  expect((await readFile(file, 'utf8')).trim()).toBe(token)
  await scrape(again.base, token)
})

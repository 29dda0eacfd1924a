import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { register, request, type Restaurant } from '../kit.ts'
import { asLogin } from '../postgres.ts'
import { isAlive, until } from './processes.ts'
import {
  cleanUp,
  cleanUpAll,
  cloneInto,
  embeddedUrl,
  folder,
  freePort,
  home,
  killPostgres,
  postmasterOf,
  spawnServer,
  startServer,
} from './server.ts'

afterEach(cleanUpAll)

const root = process.getuid?.() === 0

/** What an own server says that could not start. */
async function refusedStart(env: Record<string, string>): Promise<string> {
  const server = await spawnServer(env)
  expect((await server.exit).code).toBe(1)
  return server.output()
}

async function names(restaurant: Restaurant): Promise<string[]> {
  const { body } = await restaurant.call('GET', '/guests')
  return (body as { firstName: string }[]).map(({ firstName }) => firstName)
}

test('P1: a bad configuration is refused with all of its problems at once, and nothing is made', async () => {
  const dataDir = join(await folder(), 'data')
  const env = {
    QTABLE_DATA: dataDir,
    PORT: 'eighty',
    ALGORITHM: 'none',
    POOL_SIZE: '0',
    ADMIN_EMAIL: 'a@cedar.example',
  }
  const said = await refusedStart({ ...env, DATABASE_URL: 'mysql://localhost/qtable', SECRET_KEY: 'short' })
  for (const name of ['PORT', 'ALGORITHM', 'POOL_SIZE', 'DATABASE_URL', 'SECRET_KEY', 'ADMIN_EMAIL'])
    expect(said).toMatch(new RegExp(`^ {2}${name} .+$`, 'm'))
  expect(said).not.toMatch(/^\s+at /m)
  await expect(stat(dataDir)).rejects.toThrow('ENOENT')
})

test('P1: a port that is taken is named, and the database that was started for it is stopped', async () => {
  const dataDir = join(await folder(), 'data')
  const port = await freePort()
  await startServer({ QTABLE_DATA: join(await folder(), 'data'), PORT: port })
  const refused = await spawnServer({ QTABLE_DATA: dataDir, PORT: port })
  expect((await refused.exit).code).toBe(1)
  expect(refused.output()).toContain(`Port ${port} is taken`)
  const left = await postmasterOf(dataDir)
  expect(left === 0 || !(await isAlive(left))).toBe(true)
})

test('P2: the key that is made is readable by its owner only and outlives a restart, as do its tokens and a walk-in', async () => {
  const dataDir = join(await folder(), 'data')
  const env = { QTABLE_DATA: dataDir, PORT: await freePort() }
  const first = await startServer(env)
  const restaurant = await register(first.base)
  await restaurant.walkIn('Nadia')
  const key = await readFile(join(dataDir, 'secret-key'), 'utf8')
  expect((await stat(join(dataDir, 'secret-key'))).mode & 0o777).toBe(0o600)
  expect(key.trim().length).toBeGreaterThanOrEqual(43)
  expect((await first.end('SIGTERM')).code).toBe(0)
  await startServer(env)
  expect(await names(restaurant)).toEqual(['Nadia'])
  expect(await readFile(join(dataDir, 'secret-key'), 'utf8')).toBe(key)
})

test('P2: with DATABASE_URL or in production a SECRET_KEY must be given', async () => {
  const QTABLE_DATA = join(await folder(), 'data')
  const url = await refusedStart({ QTABLE_DATA, DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' })
  expect(url).toMatch(/^ {2}SECRET_KEY must be given when DATABASE_URL is set/m)
  const production = await refusedStart({ QTABLE_DATA, ENVIRONMENT: 'production' })
  expect(production).toMatch(/^ {2}SECRET_KEY must be given when ENVIRONMENT is production/m)
  await expect(stat(QTABLE_DATA)).rejects.toThrow('ENOENT')
})

test('P3: a second server on a folder is refused with its name and disturbs nothing; after kill -9 the next one starts', async () => {
  const dataDir = join(await folder(), 'data')
  const first = await startServer({ QTABLE_DATA: dataDir })
  const restaurant = await register(first.base)
  const said = await refusedStart({ QTABLE_DATA: dataDir })
  expect(said).toContain(`Another QTable server (process ${first.pid}) is running on ${dataDir}.`)
  await restaurant.walkIn('Nadia')
  expect(await names(restaurant)).toEqual(['Nadia'])
  await first.end('SIGKILL')
  const next = await startServer({ QTABLE_DATA: dataDir })
  const headers = { authorization: `Bearer ${restaurant.token}` }
  const { body } = await request(next.base, 'GET', `/restaurants/${restaurant.id}/guests`, undefined, headers)
  expect(body).toMatchObject([{ firstName: 'Nadia' }])
})

test('P3, P13: a first start that is killed anywhere leaves nothing that blocks the next', async () => {
  const dataDir = join(await folder(), 'data')
  for (const millis of [300, 600, 900, 1200, 1500]) {
    const server = await spawnServer({ QTABLE_DATA: dataDir })
    await new Promise((next) => setTimeout(next, millis))
    await server.end('SIGKILL')
  }
  const { base } = await startServer({ QTABLE_DATA: dataDir })
  const restaurant = await register(base)
  await restaurant.walkIn('Nadia')
  expect(await names(restaurant)).toEqual(['Nadia'])
})

test('A4: ADMIN_EMAIL and ADMIN_PASSWORD make the first owner once; a later start changes nobody', async () => {
  const dataDir = join(await folder(), 'data')
  const env = { QTABLE_DATA: dataDir, ADMIN_EMAIL: 'Nadia@cedar.example', RESTAURANT_NAME: 'Cedar & Söhne' }
  const login = (base: string, password: string) =>
    request(base, 'POST', '/auth/login', { email: env.ADMIN_EMAIL, password })

  const first = await startServer({ ...env, ADMIN_PASSWORD: 'Tall-Cedar-71' })
  expect(first.output()).toContain('Made the owner Nadia@cedar.example of "Cedar & Söhne".')
  expect(first.output()).not.toContain('Tall-Cedar-71')
  const made = await login(first.base, 'Tall-Cedar-71')
  expect(made.status).toBe(200)
  await first.end('SIGTERM')

  const second = await startServer({ ...env, ADMIN_PASSWORD: 'another one', RESTAURANT_NAME: 'Other' })
  expect(second.output()).not.toContain('Made the owner')
  expect((await login(second.base, 'Tall-Cedar-71')).body.user_id).toBe(made.body.user_id)
  expect((await login(second.base, 'another one')).status).toBe(401)
  const restaurants = await asLogin(await embeddedUrl(dataDir), 'select name from qtable.restaurants')
  expect(restaurants).toEqual([{ name: 'Cedar & Söhne' }])
})

test("P4: root's clone in a folder that only root may enter serves, says where the data went, and keeps it", async ({
  skip,
}) => {
  if (!root) skip('only root has another account for PostgreSQL: run the tests as root too (sudo npm test)')
  const closed = await folder(0o700)
  const clone = join(closed, 'clone')
  await cloneInto(clone)
  const dataDir = join(clone, 'data')
  const env = { PORT: await freePort() }
  const first = await startServer(env, clone)
  const location = await home(dataDir)
  cleanUp(async () => {
    await killPostgres(dataDir)
    await rm(location, { recursive: true, force: true })
  })
  expect(location).toMatch(/^\/var\/lib\/qtable\/[0-9a-f]{12}$/)
  expect(first.output()).toContain(`The database is in ${location}, with a link to it at ${dataDir}/postgres`)
  await until(() => new RegExp(`^ {2}data +${location}$`, 'm').test(first.output()))
  const restaurant = await register(first.base)
  await restaurant.walkIn('Nadia')
  expect((await first.end('SIGTERM')).code).toBe(0)

  const second = await startServer(env, clone)
  expect(await names(restaurant)).toEqual(['Nadia'])
  await second.end('SIGKILL')
  await startServer(env, clone)
  expect(await names(restaurant)).toEqual(['Nadia'])
})

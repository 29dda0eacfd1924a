import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Figures } from '../../src/ops/figures.ts'
import { launchChromium, needsChromium } from '../chromium.ts'
import { openDatabase, register, request } from '../kit.ts'
import { cleanUp, cleanUpAll, startServer } from '../process/server.ts'
import { repeat } from './faults.ts'
import { upTo } from '../patience.ts'

/** The operations page in a real browser, on a real server under load. */

const OPS_TOKEN = 'a token for tests of the page'

beforeEach(needsChromium)
afterEach(cleanUpAll)

async function openBrowser(): Promise<Browser> {
  const browser = await launchChromium()
  cleanUp(() => browser.close())
  return browser
}

/** A page that signs in, and everything that it complains of. */
async function openPage(browser: Browser, base: string, width: number): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: 'dark' })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // That a wrong token is refused may be told.
    const isRefusal = /status of 401/.test(message.text())
    if (['error', 'warning'].includes(message.type()) && !isRefusal) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (sent) => {
    if (!sent.url().startsWith(base)) complaints.push(`asked for ${sent.url()}`)
  })
  await page.goto(`${base}/ops`)
  return { page, complaints }
}

async function signIn(page: Page, token: string): Promise<void> {
  await page.fill('#token', token)
  await Promise.all([page.waitForLoadState('load'), page.press('#token', 'Enter')])
}

/** A metric's sum over all series of /metrics with these labels, a part of their text. */
const sumOf = (text: string, name: string, wanted: (labels: string) => boolean = () => true): number =>
  [...text.matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, 'gm'))]
    .filter(([, labels = '']) => wanted(labels))
    .reduce((sum, [, , value]) => sum + Number(value), 0)

test('O1, O2: in a browser under load the page has live charts, and its figures are those of /metrics', async () => {
  const database = await openDatabase()
  cleanUp(() => database.close())
  const env = { DATABASE_URL: database.url, SECRET_KEY: 'the same for all of these', OPS_TOKEN, WEB_CONCURRENCY: '2' }
  const { base } = await startServer(env)
  const restaurant = await register(base)
  const guest = await restaurant.walkIn()
  for (let n = 0; n < 3; n++) await restaurant.device()
  // What fails by the server's fault, so that there is an example of it; before the load, whose first reading of a floor would fail as well.
  await database.sql('revoke select on qtable.reservations from qtable_app')
  const failed = await restaurant.call('GET', '/reservations?of=Ada')
  expect(failed.status).toBe(500)
  await database.sql('grant select on qtable.reservations to qtable_app')

  const load = [
    repeat(() => restaurant.v2('PATCH', `/guests/${guest}`, { notes: 'again' })),
    repeat(() => restaurant.call('GET', '/guests')),
    repeat(() => restaurant.call('GET', '/tables/nothing')),
  ]

  const browser = await openBrowser()
  const { page, complaints } = await openPage(browser, base, 1440)
  expect(await page.locator('#charts').count()).toBe(0)
  await signIn(page, 'not the token, but as long')
  expect(await page.locator('[role=alert]').textContent()).toContain('not the token')
  expect((await page.context().cookies()).length).toBe(0)
  await signIn(page, OPS_TOKEN)
  await page.waitForSelector('html[data-at]', { state: 'attached' })

  expect(await page.locator('.chart').count()).toBe(12)
  const pathOf = (id: string) => page.locator(`#chart-${id} path.line.main`).first().getAttribute('d')
  const first = await pathOf('requests')
  await expect.poll(() => pathOf('requests')).not.toBe(first)
  await expect
    .poll(async () => (await pathOf('requests'))?.split('L').length, { timeout: upTo(40_000) })
    .toBeGreaterThan(3)
  await page.locator('#chart-requests svg').focus()
  await page.keyboard.press('ArrowLeft')
  expect(await page.locator('.chart .cursor').count()).toBe(12)
  await page.keyboard.press('Escape')
  const error = await page.locator('#table-errors tbody tr').first().textContent()
  expect(error).toContain('permission denied for table reservations')
  expect(error).toContain(failed.headers.get('x-request-id'))
  expect(error).not.toContain('Ada')
  const folder = await mkdtemp(join(tmpdir(), 'qtable-ops-page-'))
  cleanUp(() => rm(folder, { recursive: true }))
  await page.screenshot({ path: join(folder, 'ops.png'), fullPage: true })
  expect((await stat(join(folder, 'ops.png'))).size).toBeGreaterThan(20_000)

  // Nothing is asked any more: what the page shows and what /metrics says is of the same moment.
  for (const each of load) await each.end()
  const authorization = { authorization: `Bearer ${OPS_TOKEN}` }
  const { text } = await request(base, 'GET', '/metrics', undefined, authorization)
  const answeredAt = async () => Number(await page.evaluate('document.documentElement.dataset.at'))
  const asked = await answeredAt()
  await expect.poll(answeredAt).toBeGreaterThan(asked + 2_500)
  const shown = async (id: string) => Number((await page.locator(`#${id}`).textContent())!.replaceAll(',', ''))
  const requests = 'http_server_request_duration_seconds_count'
  const isServed = (labels: string) => !/http_route="\/(metrics"|ops|health)/.test(labels)
  expect(await shown('requests')).toBe(sumOf(text, requests, isServed))
  expect(await shown('requests')).toBeGreaterThan(20)
  expect(await shown('failed')).toBe(sumOf(text, requests, (labels) => isServed(labels) && /code="5/.test(labels)))
  expect(await shown('failed')).toBe(1)
  expect(await shown('changes')).toBe(sumOf(text, 'qtable_changes_total'))
  expect(await shown('delivered')).toBe(sumOf(text, 'qtable_commit_to_delivered_seconds_count'))
  expect(await shown('sockets')).toBe(sumOf(text, 'qtable_sockets_open'))
  expect(await shown('sockets')).toBe(3)
  const patched = page.locator('#table-routes tr', { hasText: 'PATCH' }).first()
  const calls = sumOf(text, requests, (labels) => labels.includes('"PATCH"'))
  expect(await patched.locator('td').nth(4).textContent()).toBe(calls.toLocaleString('en'))

  await page.locator('button', { hasText: 'Sign out' }).click()
  await page.waitForSelector('#token')
  expect((await request(base, 'GET', '/ops/figures')).status).toBe(401)
  expect(complaints).toEqual([])
})

test('O1, O2: on a phone nothing is wider than the page; the figures need the token', async () => {
  const database = await openDatabase()
  cleanUp(() => database.close())
  const env = { DATABASE_URL: database.url, SECRET_KEY: 'the same for all of these', OPS_TOKEN }
  const { base } = await startServer(env)
  const { page, complaints } = await openPage(await openBrowser(), base, 390)
  await signIn(page, OPS_TOKEN)
  await page.waitForSelector('html[data-at]', { state: 'attached' })
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390)
  expect(complaints).toEqual([])
  const ask = (token: string) =>
    request(base, 'GET', '/ops/figures?minutes=0', undefined, { authorization: `Bearer ${token}` })
  expect((await ask('not the token, but as long')).status).toBe(401)
  const figures = (await ask(OPS_TOKEN)).body as Figures
  expect(figures.up).toEqual({ database: true, redis: null })
  const kept = async () => ((await ask(OPS_TOKEN)).body as Figures).kept
  await expect.poll(kept).toBeGreaterThan(0)
  // Whoever guesses has to wait, and then the right one doesn't help either.
  for (let n = 0; n < 10; n++) await ask('not the token, but as long')
  expect((await ask(OPS_TOKEN)).status).toBe(429)
  const without = await startServer({ DATABASE_URL: database.url, SECRET_KEY: 'the same for all of these' })
  for (const path of ['/ops', '/ops/figures', '/ops/assets/page.js'])
    expect((await request(without.base, 'GET', path)).status).toBe(404)
})

import { build } from 'esbuild'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { chromiumAvailable, launchChromium, needsChromium } from '../test/chromium.ts'
import { openProxy } from '../test/process/proxy.ts'
import { startApp, TEST_PASSWORD, type Restaurant, type TestApp } from '../test/kit.ts'
import type { QTable } from './client.ts'
import { upTo } from '../test/patience.ts'

/** The client in a real browser: what it keeps in IndexedDB, and what tabs share. */

/** What the page has in its global scope. */
interface PageScope {
  qtable: QTable
  ready: Promise<void>
}

let app: TestApp
let pages: Server
let browser: Browser
let origin: string
beforeAll(async () => {
  if (!chromiumAvailable()) return
  app = await startApp()
  const { outputFiles } = await build({
    stdin: {
      contents: `import { openQTable } from './client/browser.ts'
        globalThis.ready = openQTable({ server: new URLSearchParams(location.search).get('server') ?? '${app.base}', device: 'Page' }).then((qtable) => { globalThis.qtable = qtable })`,
      resolveDir: process.cwd(),
      loader: 'ts',
    },
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
  })
  const script = outputFiles[0]!.text
  console.log(`${Math.round(script.length / 1024)} KiB for the browser`)
  pages = createServer((request, response) => {
    const isScript = request.url === '/client.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : '<!doctype html><meta charset="utf-8"><script src="/client.js"></script>')
  })
  await new Promise<void>((resolve) => {
    pages.listen(0, '127.0.0.1', resolve)
  })
  origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}/`
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  pages?.close()
  await app?.close()
})

beforeEach(needsChromium)

async function openPage(context: BrowserContext, url = origin): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await ready(page)
  return page
}

const ready = (page: Page) => page.evaluate(() => (globalThis as unknown as PageScope).ready)
const status = (page: Page) => page.evaluate(() => (globalThis as unknown as PageScope).qtable.status)
const pending = (page: Page) => page.evaluate(() => (globalThis as unknown as PageScope).qtable.pendingCount)
const names = (page: Page) =>
  page.evaluate(() => (globalThis as unknown as PageScope).qtable.floor.guests.map((guest) => guest.firstName))
const start = (page: Page) => page.evaluate(() => (globalThis as unknown as PageScope).qtable.start())
const add = (page: Page, name: string) =>
  page.evaluate(async (firstName) => {
    const sent = (globalThis as unknown as PageScope).qtable.do.addGuest({ firstName, partySize: 2 })
    await sent.stored
    return sent.id
  }, name)
const signIn = async (page: Page, r: Restaurant) => {
  await page.evaluate(
    ([email, password]) => (globalThis as unknown as PageScope).qtable.signIn(email!, password!),
    [r.email, TEST_PASSWORD],
  )
  await expect.poll(() => status(page)).toBe('live')
}
const doneOf = async (r: Restaurant) =>
  (
    await app.database.sql<{ mutation_id: string }>(
      'select mutation_id from qtable.changes where restaurant_id = $1 and mutation_id is not null order by seq',
      [r.id],
    )
  ).map(({ mutation_id }) => mutation_id)

/** The page comes from this machine; only the way to the server is cut. */
const cut = (context: BrowserContext) => context.route(`${app.base}/**`, (route) => route.abort('internetdisconnected'))
const mend = (context: BrowserContext) => context.unroute(`${app.base}/**`)

test(
  'D6, D9: in a browser, what was done offline outlives a reload and is sent once when the network is back',
  async () => {
    const r = await app.restaurant()
    const context = await browser.newContext()
    const page = await openPage(context)
    await signIn(page, r)
    const online = await add(page, 'Online')
    await expect.poll(() => pending(page)).toBe(0)
    await cut(context)
    const offline = [await add(page, 'First'), await add(page, 'Second')]
    expect(await pending(page)).toBe(2)
    await page.reload()
    await ready(page)
    // Not even started: the queue and what is shown come from the device.
    expect(await pending(page)).toBe(2)
    expect(await names(page)).toEqual(expect.arrayContaining(['First', 'Second']))
    await start(page)
    offline.push(await add(page, 'Third'))
    expect(await pending(page)).toBe(3)
    await mend(context)
    await expect.poll(() => pending(page)).toBe(0)
    expect(await doneOf(r)).toEqual([online, ...offline])
    await expect.poll(() => status(page)).toBe('live')
    await expect.poll(async () => (await names(page)).toSorted()).toEqual(['First', 'Online', 'Second', 'Third'])
    await context.close()
  },
  upTo(90_000),
)

test(
  'D9: tabs share a sign-in and have a queue each; what a closed tab left is sent by the next that opens',
  async () => {
    const r = await app.restaurant()
    const context = await browser.newContext()
    const first = await openPage(context)
    await signIn(first, r)
    const second = await openPage(context)
    await start(second)
    await expect.poll(() => status(second)).toBe('live')
    await cut(context)
    const left = [await add(first, 'Of the first'), await add(second, 'Of the second')]
    expect([await pending(first), await pending(second)]).toEqual([1, 1])
    await second.close()
    await first.close()
    const third = await openPage(context)
    expect(await pending(third)).toBe(2)
    await mend(context)
    await start(third)
    await expect.poll(() => pending(third)).toBe(0)
    expect((await doneOf(r)).toSorted()).toEqual(left.toSorted())
    await context.close()
  },
  upTo(60_000),
)

test(
  'D9, D14, D16: a page on plain http of another machine makes ids, outlives its database, and notices a server that is silent',
  async () => {
    const r = await app.restaurant()
    const proxy = await openProxy({ to: { host: '127.0.0.1', port: Number(new URL(app.base).port) } })
    const context = await browser.newContext()
    const server = `http://floor.test:${proxy.port}`
    const page = await openPage(context, `${origin.replace('127.0.0.1', 'stand.test')}?server=${server}`)
    expect(
      await page.evaluate(() => [
        (globalThis as unknown as { isSecureContext: boolean }).isSecureContext,
        typeof crypto.randomUUID,
      ]),
    ).toEqual([false, 'undefined'])
    await signIn(page, r)
    expect(await add(page, 'Plain')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    await expect.poll(() => pending(page)).toBe(0)
    // The browser ends the connection to the database, and empties it.
    const cdp = await context.newCDPSession(page)
    await cdp.send('Storage.clearDataForOrigin', { origin: new URL(page.url()).origin, storageTypes: 'indexeddb' })
    await add(page, 'Stored all the same')
    await expect.poll(() => pending(page)).toBe(0)
    await signIn(page, r)
    const noticed = page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const { qtable } = globalThis as unknown as PageScope
          const since = performance.now()
          qtable.subscribe(() => {
            if (qtable.status !== 'live') resolve(performance.now() - since)
          })
        }),
    )
    proxy.set('toClient', { timeout: { millis: 0 } })
    const millis = await noticed
    console.log(`a silent server was noticed after ${Math.round(millis)} ms`)
    expect(millis).toBeLessThan(upTo(3_500))
    await page.reload()
    await ready(page)
    const syncedAt = await page.evaluate(() => (globalThis as unknown as PageScope).qtable.lastSyncedAt)
    expect(syncedAt).toBeGreaterThan(0)
    // Nothing is left of it on the device.
    await page.evaluate(() => void (globalThis as unknown as PageScope).qtable.forget())
    await expect.poll(() => page.evaluate(() => (globalThis as unknown as PageScope).qtable.status)).toBe('signed-out')
    await page.reload()
    await ready(page)
    expect(await names(page)).toEqual([])
    await context.close()
  },
  upTo(60_000),
)

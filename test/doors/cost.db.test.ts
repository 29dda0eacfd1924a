import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import { startApp, type TestApp } from '../kit.ts'

/** What a stranger can make the server work: everything that is read before a token counts, given the worst that fits. */

// Processor time, of the client here as well. Of several tries the cheapest counts: what else the process does is no part of a request.
// On a machine where a plain request takes a twentieth of that and more, so many plain ones.
const MOST_MILLIS = 5
const MOST_PLAIN = 20
const TRIES = 20
let most = MOST_MILLIS
// Node takes 16 KiB of headers, the address included.
const LONG = 15_000

let app: TestApp
let port: number
beforeAll(async () => {
  app = await startApp()
  port = Number(new URL(app.base).port)
  most = Math.max(MOST_MILLIS, MOST_PLAIN * (await cheapest(request({}), 0)).millis)
})
afterAll(() => app.close())

const filled = (piece: string, length = LONG) => piece.repeat(Math.ceil(length / piece.length)).slice(0, length)
const masked = (text: string) => {
  const length = Buffer.alloc(8)
  length.writeBigUInt64BE(BigInt(Buffer.byteLength(text)))
  // A mask of zeros leaves the text as it is.
  return Buffer.concat([Buffer.from([0x81, 0xff]), length, Buffer.alloc(4), Buffer.from(text)])
}

/** Sends bytes on a connection of their own and resolves when the server has closed it. Gives the beginning of what it said. */
const play = (bytes: Buffer, then?: Buffer): Promise<string> =>
  new Promise((resolve) => {
    let said = ''
    const socket = connect(port, '127.0.0.1', () => void socket.write(bytes))
    socket.on('data', (chunk) => {
      if (said === '' && then) socket.write(then)
      // The closing frame: whoever answers it needn't be waited for.
      else if (then) socket.destroy()
      // Let in, and asked for nothing more.
      else if (chunk.includes('HTTP/1.1 101')) socket.destroy()
      said += chunk.toString('latin1').slice(0, 200)
    })
    // One that is refused may find the connection gone while it still sends.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(said))
  })

interface Hostile {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly chunked?: boolean
}

function request({ method = 'GET', path = '/health', headers = {}, body, chunked }: Hostile): Buffer {
  const length =
    body === undefined ? {} : chunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': body.length }
  const all = { Host: 'qtable', Connection: 'close', ...length, ...headers }
  const head = `${method} ${path} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`
  const sent = chunked ? `${body!.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : (body ?? '')
  return Buffer.from(head + sent)
}

const upgrade = (path: string, headers: Readonly<Record<string, string>> = {}) =>
  request({
    path,
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      ...headers,
    },
  })

/** What a request costs, in milliseconds of the processor, and what was said: of several tries the cheapest, or the first below `enough`. */
async function cheapest(bytes: Buffer, enough: number, then?: Buffer): Promise<{ millis: number; said: string }> {
  let [millis, said] = [Infinity, '']
  for (let tries = 0; tries < TRIES && millis >= enough; tries++) {
    const before = process.cpuUsage()
    said = await play(bytes, then)
    const { user, system } = process.cpuUsage(before)
    millis = Math.min(millis, (user + system) / 1000)
  }
  return { millis, said }
}

async function costs(what: string, bytes: Buffer, then?: Buffer): Promise<void> {
  const { millis, said } = await cheapest(bytes, most, then)
  expect(said, what).toMatch(/^HTTP\/1\.1 (101|[2345]\d\d) /)
  expect(said, what).not.toMatch(/^HTTP\/1\.1 500 /)
  expect(millis, `${what}: milliseconds of the processor (${said.slice(0, 20)})`).toBeLessThan(most)
}

const texts = [
  '/',
  'x/',
  '%',
  '%2F',
  '%C3%A9',
  '.',
  '../',
  '-',
  ':',
  '&',
  '=',
  'a=&',
  'a=1&',
  '+',
  ';',
  ' ',
  ',',
  '"',
  '\\',
  '0',
  '1_',
  '@',
  '<',
  '[',
  'a',
  'a.',
  'gzip,',
  'W/"a",',
  'bytes=0-0,',
]
const printable = texts.filter((text) => !' "<\\'.includes(text))

describe('P22: what costs a stranger nothing costs the server little', () => {
  test('P22: addresses', async () => {
    await costs('slashes, then another', request({ path: `/${filled('/')}x/` }))
    for (const text of printable) {
      await costs(`/${text}…`, request({ path: `/${filled(text)}` }))
      await costs(`/${text}…/`, request({ path: `/restaurants/${filled(text)}x/` }))
      await costs(`POST …/${text}/guests`, request({ method: 'POST', path: `/restaurants/${filled(text)}/guests` }))
      await costs(`/v2/${text}…`, request({ path: `/v2/restaurants/${filled(text)}/stream` }))
    }
  })

  test('P22: queries', async () => {
    for (const text of printable) {
      await costs(`?${text}…`, request({ path: `/health?${filled(text)}` }))
      await costs(`?restaurant_id=${text}…`, request({ path: `/api/sync/delta?since=${filled(text)}&restaurant_id=x` }))
      await costs(`socket ?token=${text}…`, upgrade(`/realtime?restaurant_id=x&token=${filled(text)}`))
    }
  })

  const NAMES = [
    'Authorization',
    'Content-Type',
    'Cookie',
    'Accept-Encoding',
    'If-None-Match',
    'X-Request-Id',
    'Traceparent',
    'Origin',
    'Idempotency-Key',
    'Min-Seq',
    'Access-Control-Request-Headers',
    'X-Forwarded-Proto',
    'Range',
  ]
  for (const name of NAMES) {
    test(`P22: the header ${name}`, async () => {
      for (const text of texts) {
        const headers = { [name]: `a${filled(text)}b` }
        const method = name.startsWith('Access') ? 'OPTIONS' : 'POST'
        await costs(
          `${text}…`,
          request({ method, path: '/restaurants/x/guests', headers, ...(method === 'POST' && { body: '{}' }) }),
        )
      }
      const path = name === 'Cookie' ? '/ops' : '/docs/assets/swagger-ui.css'
      await costs('assets and pages', request({ path, headers: { [name]: filled('qtable_ops=1.; ') } }))
    })
  }

  test('P22: tokens', async () => {
    for (const text of [...texts, 'Bearer ', 'eyJhbGciOiJIUzI1NiJ9.', '.'])
      for (const length of [4_000, LONG - 100]) {
        const headers = { Authorization: `Bearer ${filled(text, length)}` }
        await costs(`Bearer ${text}…`, request({ path: `/restaurants/${newId()}/guests`, headers }))
        await costs(`handshake, Bearer ${text}…`, upgrade('/ws/restaurant/sync', headers))
      }
  })

  const small = 16_000
  const BODIES: Record<string, string> = {
    brackets: filled('[', small),
    objects: filled('{"a":', small),
    numbers: `[${filled('1,', small)}`,
    lists: filled('[1,', small),
    digits: filled('1', small),
    'an open text': `"${filled('a', small)}`,
    escapes: `"${filled('\\u0041', small)}`,
    backslashes: `"${filled('\\\\', small)}`,
    pairs: filled('😀', 4_000),
    spaces: `[${filled(' ', small)}`,
    keys: `{${Array.from({ length: 1_500 }, (_, i) => `"k${i}":1`).join(',')}}`,
  }
  for (const [name, body] of Object.entries(BODIES))
    test(`P22: a body of ${name}`, async () => {
      const headers = { 'Content-Type': 'application/json' }
      for (const path of [
        '/auth/login',
        '/auth/register',
        '/v2/sign-in',
        '/v2/refresh',
        '/ops/sign-in',
        `/restaurants/${newId()}/guests`,
        `/v2/restaurants/${newId()}/guests`,
        '/nope',
      ])
        await costs(path, request({ method: 'POST', path, body, headers }))
    })

  test('P22: e-mail addresses', async () => {
    for (const text of [...texts, '\\"', 'a@', '.a', '--', 'xn--', 'é', '\\ud800', '\\u0000'])
      for (const email of [
        filled(text, 2_000),
        `${filled(text, 1_000)}@${filled(text, 1_000)}`,
        `"${filled(text, 1_000)}"@a.example`,
        `${filled(text, 2_000)}<`,
      ]) {
        const body = `{"email":${email.includes('\\') ? `"${email.replaceAll('"', '')}"` : JSON.stringify(email)},"password":""}`
        for (const path of ['/auth/register', '/v2/sign-in'])
          await costs(
            `${path} ${text}`,
            request({ method: 'POST', path, body, headers: { 'Content-Type': 'application/json' } }),
          )
      }
  })

  test('P22, A3: a megabyte without a token is not read: what is wrong with the token is the answer', async () => {
    const body = '['.repeat(1_000_000)
    for (const chunked of [false, true])
      for (const [path, status] of [
        ['/restaurants/x/guests', 403],
        [`/v2/restaurants/${newId()}/guests`, 401],
        ['/auth/login', 413],
        ['/v2/sign-in', 413],
      ] as const) {
        const bytes = request({ method: 'POST', path, body, chunked, headers: { 'Content-Type': 'application/json' } })
        if (!chunked) expect(await play(bytes), path).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
        await costs(`${path}${chunked ? ', chunked' : ''}`, bytes)
      }
  })

  test('P22: first messages of sockets', async () => {
    for (const text of texts) {
      const long = filled(text, 60_000)
      for (const message of [long, `"${long}`, `{"type":"authenticate","token":${JSON.stringify(long)}}`]) {
        const frame = masked(message.slice(0, 65_000))
        await costs(`realtime ${text}…`, upgrade('/realtime?restaurant_id=x'), frame)
        await costs(`stream ${text}…`, upgrade(`/v2/restaurants/${newId()}/stream`), frame)
      }
    }
  })
})

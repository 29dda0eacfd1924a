import { check, keyOf, note, type Kit, type Situation } from './kit.ts'
import { problem } from './server.ts'

/** What a client must do over HTTP: tokens and writes. */

/** Answers that decide nothing. */
const UNDECIDED: readonly (readonly [string, number, object | string, Record<string, string>?])[] = [
  ['a 503 with Retry-After', 503, problem(503, 'busy'), { 'retry-after': '2' }],
  ['a 500', 500, problem(500, 'internal')],
  ['a 429', 429, problem(429, 'too-many-attempts'), { 'retry-after': '1' }],
  ['a 408', 408, problem(408, 'bad-request')],
  ['a 425', 425, problem(425, 'bad-request')],
  ['a 502 of a proxy', 502, '<h1>Bad Gateway</h1>'],
  ["a 200 that is a captive portal's", 200, '<h1>Welcome to the hotel</h1>'],
  ["a 404 that is a proxy's", 404, '<h1>Not Found</h1>'],
]

export const requestSituations: readonly Situation[] = [
  {
    name: 'a write: its key, its token, its body; the answer lost, then the same again',
    section: '9',
    async play(kit) {
      await kit.begin()
      const first = await kit.write()
      first.lose()
      const second = await kit.again(first, 'a lost answer')
      second.lose()
      kit.done(await kit.again(first, 'two lost answers'))
      await kit.server.writes.none(kit.server.scaled(1_000), 'a write that was done was sent again')
    },
  },
  {
    name: 'answers that decide nothing: the same request again, after Retry-After where there is one',
    section: '3, 9',
    async play(kit) {
      await kit.begin()
      const first = await kit.write()
      let asked = first
      for (const [what, status, body, headers] of UNDECIDED) {
        asked.answer(status, body, headers)
        const at = performance.now()
        asked = await kit.again(first, what)
        const wait = kit.server.scaled(Number(headers?.['retry-after'] ?? 0) * 1_000)
        const waited = performance.now() - at
        check(waited >= wait * 0.95, `Retry-After asked for ${wait} ms and it came again after ${Math.round(waited)}`)
      }
      kit.done(asked)
    },
  },
  {
    name: 'a 401 on a write: a new token, then the same again',
    section: '3, 9',
    async play(kit) {
      await kit.begin()
      const first = await kit.write()
      const old = kit.server.accessToken
      first.answer(401, problem(401, 'not-signed-in'))
      const second = await kit.again(first, 'a 401')
      check(kit.server.accessToken !== old, 'after a 401 the token was not refreshed')
      check(
        second.headers.authorization === `Bearer ${kit.server.accessToken}`,
        'after a 401 the old token was sent again',
      )
      kit.done(second)
    },
  },
  {
    name: 'a 4xx decides: the write is not sent again, and the next one is',
    section: '9',
    async play(kit) {
      await kit.begin()
      for (const [status, code] of [
        [409, 'table-not-free'],
        [404, 'guest-not-found'],
        [422, 'invalid-input'],
        [403, 'not-allowed'],
      ] as const) {
        const asked = await kit.write(note(code))
        asked.answer(status, problem(status, code, { current: null, changed: null }))
        const next = await kit.write(note(`after ${code}`))
        check(keyOf(next) !== keyOf(asked), 'another intent needs another Idempotency-Key')
        kit.done(next)
      }
    },
  },
  {
    name: 'one write at a time, in their order',
    section: '9',
    async play(kit) {
      await kit.begin()
      const notes = ['first', 'second', 'third']
      const first = await kit.write(note(notes[0]))
      for (const text of notes.slice(1)) kit.server.task(note(text))
      await kit.server.writes.none(
        kit.server.scaled(1_000) + 100,
        'a write was sent before the one before it was decided',
      )
      first.lose()
      const again = await kit.again(first, 'a lost answer')
      kit.done(again)
      const keys = new Set([keyOf(first)])
      for (const text of notes.slice(1)) {
        const asked = await kit.request(`the write "${text}" was not sent`)
        check(asked.text.includes(`"${text}"`), `the write "${text}" was to be sent next`)
        check(!keys.has(keyOf(asked)), 'another intent needs another Idempotency-Key')
        keys.add(keyOf(asked))
        kit.done(asked)
      }
    },
  },
  {
    name: 'its own change comes on the stream before the answer',
    section: '9',
    async play(kit) {
      const line = await kit.begin()
      const asked = await kit.write()
      line.changes(kit.floor.guest({ notes: 'by the window' }, keyOf(asked)))
      await kit.holds(line)
      kit.done(asked)
      await kit.holds(line, 'the change was applied again with the answer')
    },
  },
  {
    name: 'a DELETE says its version in the query or in the body',
    section: '9',
    async play(kit) {
      await kit.begin()
      kit.done(await kit.write({ method: 'DELETE', path: note().path, body: { version: 3 } }))
    },
  },
  {
    name: 'a restart while a write is undecided: the same request with the same key',
    section: '9',
    restarts: true,
    async play(kit) {
      await kit.begin()
      const first = await kit.write(note('before the crash'))
      await kit.restart!()
      const second = await kit.again(first, 'a restart')
      kit.done(second)
      const next = await kit.write(note('after the crash'))
      check(keyOf(next) !== keyOf(first), 'another intent needs another Idempotency-Key')
      kit.done(next)
      kit.catchUp((await kit.hello('it did not come again after a restart')).line, kit.floor.seq)
    },
  },
  {
    name: '4401: the token is refreshed once, and the new one is used',
    section: '6.5',
    async play(kit) {
      const line = await kit.begin()
      kit.server.refreshes.empty()
      line.close(4401)
      const { token, line: next } = await kit.resumes(kit.floor.seq, 'after 4401 it did not come again')
      check(token === kit.server.accessToken, 'after 4401 it came with an old token')
      const count = kit.server.refreshes.empty().length
      check(count === 1, `after 4401 it refreshed its token ${count} times`)
      kit.catchUp(next, kit.floor.seq)
      await kit.holds(next)
    },
  },
  {
    name: 'the answer to a refresh is lost or is none: the same refresh token again, and nobody is signed out',
    section: '4',
    async play(kit) {
      const { server } = kit
      const line = await kit.begin()
      server.refreshes.empty()
      server.refreshesItself = false
      const next = (after: string) =>
        server.refreshes.next(kit.within(25_000), `after ${after} the refresh was not sent again`)
      line.close(4401)
      ;(await next('4401')).lose()
      ;(await next('a lost answer')).answer(503, problem(503, 'busy'), { 'retry-after': '1' })
      ;(await next('a 503')).answer(401, '<h1>Sign in to the hotel</h1>')
      ;(await next("a 401 that is a captive portal's")).answer(200, '<h1>Welcome to the hotel</h1>')
      ;(await next("a 200 that is a captive portal's")).answer(500, problem(500, 'internal'))
      server.grant(await next('a 500'))
      server.refreshesItself = true
      const greeting = await kit.resumes(kit.floor.seq, 'after a refresh it did not come again')
      check(greeting.token === server.accessToken, 'it came with an old token')
      kit.catchUp(greeting.line, kit.floor.seq)
      await kit.holds(greeting.line)
    },
  },
  {
    name: 'handshakes refused with 401 and 503',
    section: '6.1',
    async play(kit) {
      const { server } = kit
      const line = await kit.begin()
      server.knocks.empty()
      server.refusal = { status: 503, headers: { 'Retry-After': '1' } }
      line.send({ type: 'reconnect', afterMillis: 0, reason: 'a test' }).close(1001)
      await knock(kit, 'it did not come again after a reconnect')
      server.refreshes.empty()
      server.refusal = { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } }
      const { token } = await knock(kit, 'after a 503 it did not come again')
      if (token !== null)
        await server.refreshes.next(kit.within(12_000), 'after a 401 at the handshake it did not refresh its token')
      server.refusal = null
      const greeting = await kit.resumes(kit.floor.seq, 'after refused handshakes it did not come again')
      kit.catchUp(greeting.line, kit.floor.seq)
      await kit.holds(greeting.line)
    },
  },
]

const knock = (kit: Kit, otherwise: string) => kit.server.knocks.next(kit.within(12_000), otherwise)

/** Those that leave the client waiting longer each time, or signed out: the last ones. */
export const lastSituations: readonly Situation[] = [
  {
    name: 'silence of 12 seconds: the connection is given up, not earlier',
    section: '6.3',
    async play(kit) {
      const line = await kit.begin()
      line.quiet()
      line.beat(kit.floor)
      const [at, wait] = [performance.now(), kit.server.scaled(12_000)]
      const greeting = await kit.resumes(kit.floor.seq, `nothing came for ${wait * 2} ms and it kept the connection`)
      const waited = Math.round(greeting.at - at)
      check(waited >= wait * 0.9, `it gave the connection up after ${waited} ms of silence; ${wait} are right`)
      check(
        waited <= wait + kit.within(10_000),
        `it gave the connection up only after ${waited} ms of silence; ${wait} are right`,
      )
      kit.catchUp(greeting.line, kit.floor.seq)
      await kit.holds(greeting.line)
    },
  },
  {
    name: 'closing codes: it comes again with its place, and waits longer each time up to 10 seconds',
    section: '6.5, 7',
    async play(kit) {
      const { server } = kit
      let line = await kit.begin()
      const codes = [1006, 1001, 1011, 1013, 4400, 4408, 1012, 1006]
      // The waits of a client go on where its earlier ones stopped: so the bounds are those of the longest run of failures.
      let longest = 0
      for (const [i, code] of codes.entries()) {
        line.close(code)
        const at = performance.now()
        server.knocks.empty()
        const knocked = await server.knocks.next(kit.within(12_000), `after ${code} it did not come again`)
        const waited = knocked.at - at
        const least = server.scaled(Math.min(10_000, 250 * 2 ** i) / 2)
        check(
          waited >= least * 0.9 - 2,
          `${i + 1} connections were lost and it came after ${Math.round(waited)} ms; it must wait ${least} at least`,
        )
        longest = Math.max(longest, waited)
        const greeting = await kit.resumes(kit.floor.seq, `after ${code} it did not say where it stands`)
        kit.catchUp(greeting.line, kit.floor.seq)
        line = greeting.line
      }
      check(longest <= kit.within(10_000), `it waited ${Math.round(longest)} ms; ${server.scaled(10_000)} are the most`)
      await kit.holds(line)
    },
  },
  {
    name: 'a refused refresh ends the sign-in: it asks no more',
    section: '4',
    async play(kit) {
      const { server } = kit
      const line = await kit.begin()
      server.refreshes.empty()
      server.refreshesItself = false
      server.signIns.empty()
      line.close(4401)
      const asked = await server.refreshes.next(kit.within(12_000), 'after 4401 it did not refresh its token')
      asked.answer(401, problem(401, 'refresh-refused'))
      await server.refreshes.none(server.scaled(11_000), 'a refused refresh token was sent again')
    },
  },
]

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Session, TOKENS, type Tokens } from './session.ts'
import { MemoryStorage, type Op } from './storage.ts'
import type { FetchAnswer, Surroundings } from './surroundings.ts'

/** The sign-in against an authority that keeps to docs/protocol.md, over a network that loses things. */

const LIFE_SECONDS = 600

/** What the protocol says of refresh tokens: each is used once, its first repeat is answered, a use after that ends the sign-in. */
class Authority {
  requests = 0
  isEnded = false
  #serial = 1
  #uses = new Map<string, number>([['refresh 0', 0]])

  answer(refreshToken: string): [number, object] {
    this.requests++
    const uses = this.#uses.get(refreshToken)
    if (uses === undefined || uses >= 2) this.isEnded = true
    if (this.isEnded) return [401, { code: 'refresh-refused' }]
    this.#uses.set(refreshToken, uses! + 1)
    const n = this.#serial++
    this.#uses.set(`refresh ${n}`, 0)
    return [200, tokensFor(n)]
  }
}

const tokensFor = (n: number) => ({
  accessToken: `access ${n}`,
  expiresInSeconds: LIFE_SECONDS,
  refreshToken: `refresh ${n}`,
  staffId: 's',
  restaurantId: 'r',
  role: 'host',
})

type Fault = 'none' | 'unsent' | 'lost' | '500' | '401' | 'portal'

async function signedIn() {
  const authority = new Authority()
  const state = { now: 1_000_000, fault: 'none' as Fault, ended: 0, failsToStore: false }
  const memory = new MemoryStorage()
  const storage = {
    load: () => memory.load(),
    get: (key: string) => memory.get(key),
    clear: () => Promise.resolve(),
    close: () => memory.close(),
    write: (ops: readonly Op[]) => (state.failsToStore ? Promise.reject(new Error('full')) : memory.write(ops)),
  }
  const stub = (status: number, text: string): FetchAnswer => ({
    status,
    headers: { get: () => null },
    text: () => Promise.resolve(text),
  })
  const at: Surroundings = {
    storage,
    fetch: async (_, { body }) => {
      const { fault } = state
      if (fault === 'unsent') throw new Error('no network')
      if (fault === '500') return stub(503, '{"code":"busy"}')
      if (fault === '401') return stub(401, '<html>')
      if (fault === 'portal') return stub(200, '<html>')
      const [status, answer] = authority.answer((JSON.parse(body!) as { refreshToken: string }).refreshToken)
      if (fault === 'lost') throw new Error('cut off')
      return stub(status, JSON.stringify(answer))
    },
    openSocket: () => ({ send: () => undefined, close: () => undefined }),
    now: () => state.now,
    random: () => 0.5,
    after: () => () => undefined,
    alone: (_, work) => work(),
  }
  const { expiresInSeconds, ...first } = tokensFor(0)
  const tokens: Tokens = {
    ...first,
    expiresAt: state.now + expiresInSeconds * 1000,
    lifeMillis: expiresInSeconds * 1000,
  }
  await memory.write([{ put: TOKENS, value: tokens }])
  const open = () => {
    const session = new Session(at, '', () => void state.ended++)
    session.restore(tokens)
    return session
  }
  const reopen = async () => {
    const session = new Session(at, '', () => void state.ended++)
    session.restore(await memory.get(TOKENS))
    return session
  }
  return { authority, state, memory, session: open(), reopen }
}

test('D4: a token is renewed before it ends, once for all who ask at the same time', async () => {
  const { session, state, authority } = await signedIn()
  expect(await session.token()).toBe('access 0')
  state.now += (LIFE_SECONDS - 59) * 1000
  expect(new Set(await Promise.all(Array.from({ length: 10 }, () => session.token())))).toEqual(new Set(['access 1']))
  expect(authority.requests).toBe(1)
})

test('D4: a token in its last minute still serves while it cannot be renewed', async () => {
  const { session, state } = await signedIn()
  state.now += (LIFE_SECONDS - 30) * 1000
  state.fault = 'unsent'
  expect(await session.token()).toBe('access 0')
  state.now += 31_000
  await expect(session.token()).rejects.toMatchObject({ code: 'unreachable' })
})

test('D4: tokens are stored before they are used', async () => {
  const { session, state, memory, authority } = await signedIn()
  session.expire('access 0')
  state.failsToStore = true
  await expect(session.token()).rejects.toMatchObject({ code: 'storage' })
  expect(await memory.get(TOKENS)).toMatchObject({ accessToken: 'access 0' })
  state.failsToStore = false
  expect(await session.token()).toBe('access 1')
  expect(await memory.get(TOKENS)).toMatchObject({ accessToken: 'access 1' })
  expect(authority.requests).toBe(1)
})

test('D4: a lost answer is asked for again with the same refresh token, by the next process as well', async () => {
  const { session, state, reopen } = await signedIn()
  session.expire('access 0')
  state.fault = 'lost'
  await expect(session.token()).rejects.toMatchObject({ code: 'unreachable' })
  state.fault = 'none'
  const again = await reopen()
  again.expire('access 0')
  expect(await again.token()).toBe('access 2')
  expect(state.ended).toBe(0)
})

test('D4: a tab that comes second takes the tokens that another tab got', async () => {
  const { session, state, reopen, authority } = await signedIn()
  const other = await reopen()
  state.now += LIFE_SECONDS * 1000
  expect([await session.token(), await other.token()]).toEqual(['access 1', 'access 1'])
  expect(authority.requests).toBe(1)
})

test('D5: only a refusal by the server ends a sign-in; whatever a network does, it goes on', async () => {
  const fault = fc.constantFrom<Fault>('none', 'unsent', '500', '401', 'portal')
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fault, fc.boolean())), async (steps) => {
      const { session, state } = await signedIn()
      let last: string | null = 'access 0'
      for (const [next, losesAnswer] of steps) {
        // The protocol answers one repeat: of two lost answers in a row it cannot tell a thief.
        const lost: Fault[] = losesAnswer && last !== null ? ['lost'] : []
        for (const each of [...lost, next]) {
          state.fault = each
          state.now += LIFE_SECONDS * 1000
          last = await session.token().catch(() => null)
        }
        state.fault = 'none'
        state.now += LIFE_SECONDS * 1000
        last = await session.token()
      }
      expect([state.ended, last === null, session.tokens === null]).toEqual([0, false, false])
    }),
  )
})

test('D5: refused for good, the tokens are forgotten and whoever listens is told once', async () => {
  const { session, state, authority, memory } = await signedIn()
  authority.isEnded = true
  session.expire('access 0')
  const asked = await Promise.allSettled([session.token(), session.token()])
  expect(asked.map((each) => each.status)).toEqual(['rejected', 'rejected'])
  expect([state.ended, session.tokens, await memory.get(TOKENS)]).toEqual([1, null, undefined])
  await expect(session.token()).rejects.toMatchObject({ code: 'not-signed-in' })
})

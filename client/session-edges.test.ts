import { expect, test } from 'vitest'
import { Session, TOKENS, type Tokens } from './session.ts'
import { MemoryStorage } from './storage.ts'
import type { FetchRequest, Surroundings } from './surroundings.ts'

/** Signing in and out, and the times and answers at the edge of what counts, against answers that the test gives. */

const said = {
  accessToken: 'access',
  expiresInSeconds: 600,
  refreshToken: 'refresh',
  staffId: 's',
  restaurantId: 'r',
  role: 'host',
}
const kept = (now: number, more: object = {}): Tokens => {
  const { expiresInSeconds, ...rest } = said
  return { ...rest, expiresAt: now + expiresInSeconds * 1000, lifeMillis: 600_000, ...more }
}

type Reply = readonly [number, unknown] | null

function house(replies: Reply[] = []) {
  const state = { now: 1_000_000, ended: 0, onFetch: () => undefined as unknown, onAlone: () => undefined as unknown }
  const asked: { url: string; request: FetchRequest }[] = []
  const alone: string[] = []
  const storage = new MemoryStorage()
  const at: Surroundings = {
    storage,
    fetch: async (url, request) => {
      asked.push({ url, request })
      await state.onFetch()
      const reply = replies.shift() ?? null
      if (!reply) throw new Error('no network')
      const [status, body] = reply
      return { status, headers: { get: () => null }, text: () => Promise.resolve(JSON.stringify(body)) }
    },
    openSocket: () => ({ send: () => undefined, close: () => undefined }),
    now: () => state.now,
    random: () => 0.5,
    after: () => () => undefined,
    alone: async (name, work) => {
      alone.push(name)
      await state.onAlone()
      return work()
    },
  }
  const session = new Session(at, 'https://q', () => void state.ended++)
  return { session, state, asked, alone, storage, replies }
}

test('D4: signing in keeps what the server gave, first on the device', async () => {
  const { session, asked, storage, state } = house([[200, said]])
  expect(session.tokens).toBeNull()
  const tokens = await session.signIn('a@x.example', 'secret', 'Bar')
  expect(tokens).toEqual(kept(state.now))
  expect([session.tokens, await storage.get('tokens'), TOKENS]).toEqual([tokens, tokens, 'tokens'])
  expect([asked[0]!.url, asked[0]!.request.method]).toEqual(['https://q/v2/sign-in', 'POST'])
  expect(JSON.parse(asked[0]!.request.body!)).toEqual({ email: 'a@x.example', password: 'secret', device: 'Bar' })
  expect(await session.token()).toBe('access')
  const bare = house([[200, said]])
  await bare.session.signIn('a', 'b')
  expect(JSON.parse(bare.asked[0]!.request.body!)).toEqual({ email: 'a', password: 'b' })
})

test('D5: a sign-in that is refused says why; whatever else comes back, nobody knows', async () => {
  const refusal = async (reply: Reply) => {
    const { session } = house([reply])
    const error = (await session.signIn('a', 'b').catch((each: unknown) => each)) as { code: string; message: string }
    expect(session.tokens).toBeNull()
    return [error.code, error.message]
  }
  expect(await refusal([401, { code: 'wrong-credentials', title: 'No' }])).toEqual(['wrong-credentials', 'No'])
  expect((await refusal([429, { code: 'too-many', title: 7 }]))[0]).toBe('too-many')
  expect((await refusal([429, { code: 'too-many', title: 7 }]))[1]).toEqual(expect.stringContaining(' '))
  for (const reply of [
    [500, { code: 'busy' }],
    [503, { code: 'busy' }],
    [403, {}],
    [403, { code: 7 }],
    [200, {}],
    null,
  ])
    expect((await refusal(reply as Reply))[0]).toBe('unreachable')
})

test('D5: only an answer with every part of a sign-in is one', async () => {
  for (const [status, body] of [
    [201, said],
    [200, { ...said, expiresInSeconds: '600' }],
    ...Object.keys(said).map((name) => [200, { ...said, [name]: undefined }] as const),
    [200, { ...said, role: 7 }],
  ] as const) {
    const { session, storage } = house([[status, body]])
    await expect(session.signIn('a', 'b')).rejects.toMatchObject({ code: 'unreachable' })
    expect([session.tokens, await storage.get(TOKENS)]).toEqual([null, undefined])
  }
})

test('D5: signing out forgets first and tells the server where it can', async () => {
  const { session, asked, storage } = house([[200, said]])
  await session.signIn('a', 'b')
  // No network: signed out all the same.
  await session.signOut()
  expect([session.tokens, await storage.get(TOKENS)]).toEqual([null, undefined])
  expect([asked[1]!.url, JSON.parse(asked[1]!.request.body!)]).toEqual([
    'https://q/v2/sign-out',
    { refreshToken: 'refresh' },
  ])
  await expect(session.token()).rejects.toMatchObject({ code: 'not-signed-in' })
  // Nothing is left to be told.
  await session.signOut()
  expect(asked).toHaveLength(2)
})

test('D4: a token is renewed in its last minute, or when half of a short life is over, and not before', async () => {
  const renews = async (lifeMillis: number, left: number) => {
    const { session, state, asked } = house([[200, { ...said, accessToken: 'next' }]])
    session.restore(kept(0, { expiresAt: state.now + left, lifeMillis }))
    const token = await session.token()
    expect(asked.map(({ url }) => url)).toEqual(token === 'next' ? ['https://q/v2/refresh'] : [])
    return token === 'next'
  }
  expect([await renews(600_000, 60_001), await renews(600_000, 60_000)]).toEqual([false, true])
  expect([await renews(80_000, 40_001), await renews(80_000, 40_000)]).toEqual([false, true])
  // A clock that was set back.
  expect([await renews(600_000, 600_000), await renews(600_000, 600_001)]).toEqual([false, true])
})

test('D4: while it cannot be renewed a token serves to its very end, but not by a clock that was set back', async () => {
  const serves = (left: number) => {
    const { session, state } = house()
    session.restore(kept(0, { expiresAt: state.now + left }))
    return session.token().catch(({ code }: { code: string }) => code)
  }
  expect(await serves(1)).toBe('access')
  expect(await serves(0)).toBe('unreachable')
  expect(await serves(600_001)).toBe('unreachable')
})

test('D4: what the server did not take is renewed, whoever says it of another token changes nothing', async () => {
  const { session, state, asked, alone } = house([[200, { ...said, accessToken: 'next' }]])
  session.expire('access')
  session.restore(kept(state.now))
  session.expire('another')
  expect([await session.token(), asked]).toEqual(['access', []])
  session.expire('access')
  expect(await session.token()).toBe('next')
  expect(JSON.parse(asked[0]!.request.body!)).toEqual({ refreshToken: 'refresh' })
  expect(alone).toEqual(['qtable-tokens'])
  session.restore(undefined)
  expect(session.tokens).toBeNull()
})

test('D4: tokens that another tab stored are taken, unless they are another person’s', async () => {
  const other = (more: object) => kept(1_000_000, { accessToken: 'theirs', refreshToken: 'later', ...more })
  const token = async (stored: Tokens) => {
    const { session, state, storage } = house([[200, { ...said, accessToken: 'mine' }]])
    session.restore(kept(state.now))
    session.expire('access')
    await storage.write([{ put: TOKENS, value: stored }])
    return session.token()
  }
  expect(await token(other({}))).toBe('theirs')
  expect(await token(other({ staffId: 'x' }))).toBe('mine')
  expect(await token(other({ refreshToken: 'refresh' }))).toBe('mine')
})

test('D5: who signs out while a token is renewed stays signed out', async () => {
  const { session, state, storage } = house([[200, { ...said, accessToken: 'next' }]])
  session.restore(kept(state.now))
  session.expire('access')
  state.onFetch = () => {
    state.onFetch = () => undefined
    return session.signOut()
  }
  await expect(session.token()).rejects.toMatchObject({ code: 'not-signed-in' })
  expect([session.tokens, await storage.get(TOKENS), state.ended]).toEqual([null, undefined, 0])
})

test('D5: who signs out while another tab renews, or in the last minute of a token, is given no token', async () => {
  const { session, state, asked } = house([[200, said]])
  session.restore(kept(state.now))
  session.expire('access')
  // Its turn comes when nobody is signed in any more: there is nothing to renew.
  state.onAlone = () => session.signOut()
  await expect(session.token()).rejects.toMatchObject({ code: 'not-signed-in' })
  expect(asked.map(({ url }) => url)).toEqual(['https://q/v2/sign-out'])
  const last = house()
  last.session.restore(kept(0, { expiresAt: last.state.now + 1 }))
  last.state.onFetch = () => {
    last.state.onFetch = () => undefined
    return last.session.signOut()
  }
  await expect(last.session.token()).rejects.toMatchObject({ code: 'not-signed-in' })
})

test('D4: a token is of the person it was asked for, whoever signs in meanwhile', async () => {
  const { session, state, asked, replies } = house()
  session.restore(kept(state.now))
  expect(await session.token('s')).toBe('access')
  await expect(session.token('x')).rejects.toMatchObject({ code: 'not-signed-in' })
  session.expire('access')
  const theirs = { ...said, staffId: 'x', accessToken: 'theirs' }
  replies.push([200, theirs], [200, theirs])
  state.onAlone = () => {
    state.onAlone = () => undefined
    return session.signIn('a', 'b')
  }
  await expect(session.token('s')).rejects.toMatchObject({ code: 'not-signed-in' })
  expect([await session.token('x'), asked.length]).toEqual(['theirs', 2])
})

test('D5: a refusal counts with its code and its status only', async () => {
  const asks = async (status: number, code: string) => {
    const { session, state } = house([[status, { code }]])
    session.restore(kept(state.now))
    session.expire('access')
    const refused = await session.token().catch((error: { code: string }) => error.code)
    return [refused, state.ended]
  }
  expect(await asks(401, 'refresh-refused')).toEqual(['not-signed-in', 1])
  expect(await asks(403, 'refresh-refused')).toEqual(['unreachable', 0])
  expect(await asks(401, 'other')).toEqual(['unreachable', 0])
})

import { expect, test, vi } from 'vitest'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import { SignInCrowd, type Asker } from './sign-in-crowd.ts'
import { upTo } from '../../../test/patience.ts'

/** How many sign in at once, and how long a refusal is told again. */

vi.setConfig({ testTimeout: upTo(5_000) })

const stranger = (n: number): Asker => ({ who: `s${n}`, network: 'afar', isKnown: false })
const succeed = async () => 'in'
const refuse = (retryAfterSeconds: number) => async () => {
  throw new AppError('too-many-attempts', 429, 'no', { retryAfterSeconds })
}
const codeOf = (attempt: Promise<string>): Promise<string | unknown[]> =>
  attempt.then(
    (done) => done,
    ({ code, details }: AppError) => [code, details['retryAfterSeconds']],
  )

/** Holds as many inside as there are askers, until it is let go. */
function holding(crowd: SignInCrowd, askers: readonly Asker[]) {
  let go = () => undefined as void
  const gate = new Promise<string>((resolve) => (go = () => resolve('in')))
  const inside = askers.map((asker) => codeOf(crowd.run(asker, () => gate)))
  return { go, inside: Promise.all(inside) }
}

test('A14: so many strangers are inside at once and no more, and those who are known have their own places', async () => {
  const crowd = new SignInCrowd(() => 0)
  const { strangers, known } = limits.signInsAtOnce
  const { go, inside } = holding(
    crowd,
    Array.from({ length: strangers }, (_, n) => stranger(n)),
  )
  expect(await codeOf(crowd.run(stranger(strangers), succeed))).toEqual(['busy', undefined])
  const friend = (n: number): Asker => ({ who: `k${n}`, network: 'afar', isKnown: true })
  const others = holding(
    crowd,
    Array.from({ length: known }, (_, n) => friend(n)),
  )
  expect(await codeOf(crowd.run(friend(known), succeed))).toEqual(['busy', undefined])
  // Where somebody has signed in from, nobody is a stranger: they are told the same as those who are known.
  crowd.succeeded('house')
  expect(await codeOf(crowd.run({ who: 'h', network: 'house', isKnown: false }, succeed))).toEqual(['busy', undefined])
  others.go()
  await others.inside
  expect(await codeOf(crowd.run({ who: 'h', network: 'house', isKnown: false }, succeed))).toBe('in')
  expect(await codeOf(crowd.run(stranger(strangers), succeed))).toEqual(['busy', undefined])
  go()
  expect(new Set(await inside)).toEqual(new Set(['in']))
  expect(await codeOf(crowd.run(stranger(strangers), succeed))).toBe('in')
  // Whoever failed has left too.
  for (let n = 0; n <= strangers; n++)
    expect(
      await codeOf(
        crowd.run(stranger(n), async () => {
          throw new AppError('wrong-credentials', 401, 'no')
        }),
      ),
    ).toEqual(['wrong-credentials', undefined])
  expect(crowd.figures).toEqual({ networks: 1, refused: 0 })
})

test('A14: a refusal is told again to who got it, with the seconds that are left, for a while or as long as it holds', async () => {
  let now = 1_000_000
  const crowd = new SignInCrowd(() => now)
  const ask = (n: number, what: () => Promise<string> = succeed) => codeOf(crowd.run(stranger(n), what))
  expect(await ask(1, refuse(100))).toEqual(['too-many-attempts', 100])
  expect(crowd.figures).toEqual({ networks: 0, refused: 1 })
  now += 1
  expect(await ask(1)).toEqual(['too-many-attempts', 100])
  now += limits.signInRefusalMillis - 2
  expect(await ask(1)).toEqual(['too-many-attempts', 91])
  expect(await ask(2)).toBe('in')
  now += 1
  expect(await ask(1)).toBe('in')
  expect(crowd.figures.refused).toBe(0)
  // One that holds for less is told for less.
  expect(await ask(3, refuse(2))).toEqual(['too-many-attempts', 2])
  now += 1_999
  expect(await ask(3)).toEqual(['too-many-attempts', 1])
  now += 1
  expect(await ask(3)).toBe('in')
  // Nothing else is told again.
  const busy = async () => {
    throw new AppError('busy', 503, 'no')
  }
  const broken = async () => {
    throw Object.assign(new Error('no'), { code: 'too-many-attempts', details: { retryAfterSeconds: 9 } })
  }
  expect((await ask(4, busy))[0]).toBe('busy')
  expect((await ask(5, broken))[0]).toBe('too-many-attempts')
  expect([await ask(4), await ask(5)]).toEqual(['in', 'in'])
})

test('A14: of where somebody signed in from and of refusals the newest are remembered, so many of each', async () => {
  const crowd = new SignInCrowd(() => 0)
  const most = limits.signInFailureKeys
  for (let n = 0; n < most; n++) crowd.succeeded(`n${n}`)
  // Seen again, it is the newest.
  crowd.succeeded('n0')
  crowd.succeeded('one more')
  expect(crowd.figures.networks).toBe(most)
  for (let n = 0; n <= most; n++) await codeOf(crowd.run(stranger(n), refuse(100)))
  expect(crowd.figures.refused).toBe(most)
  expect(await codeOf(crowd.run(stranger(0), succeed))).toBe('in')
  expect(await codeOf(crowd.run(stranger(1), succeed))).toEqual(['too-many-attempts', 100])
  const { go, inside } = holding(
    crowd,
    Array.from({ length: limits.signInsAtOnce.strangers }, (_, n) => stranger(2 * most + n)),
  )
  const from = (network: string) => codeOf(crowd.run({ who: network, network, isKnown: false }, succeed))
  expect([await from('n0'), await from('n2'), (await from('n1'))[0]]).toEqual(['in', 'in', 'busy'])
  go()
  await inside
})

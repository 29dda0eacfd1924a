import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Counts, Sessions, turn } from '../../test/sessions.ts'
import { limits } from '../platform/limits.ts'
import { Frame } from './ws-frame.ts'
import { Outbox } from './outbox.ts'
import { closeCodes } from './endings.ts'
import { upTo } from '../../test/patience.ts'

const SEED = Number(process.env['OUTBOX_SEED'] ?? Date.now() % 1e6)
const ROUNDS = Number(process.env['OUTBOX_ROUNDS'] ?? 40)

const sessions = new Sessions()
beforeAll(() => sessions.open())
afterAll(() => sessions.close())

type Step =
  | { readonly to: 'all' | number; readonly length: number }
  | { readonly to: number; readonly length: 'ping' }
  | 'turn'

const lengths = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 400 }) },
  { weight: 2, arbitrary: fc.constantFrom(125, 126, 127, 65_535, 65_536, 65_537) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 200_000 }) },
)
const SOCKETS = 4
const someone = fc.nat(SOCKETS - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ to: fc.constant('all' as const), length: lengths }) },
  { weight: 3, arbitrary: fc.record({ to: someone, length: lengths }) },
  { weight: 1, arbitrary: fc.record({ to: someone, length: fc.constant('ping' as const) }) },
  { weight: 2, arbitrary: fc.constant('turn' as const) },
)

test(
  `W10: whatever is sent to whom in whatever turns, with pings between and a closing after it, every client gets exactly that, in order (seed ${SEED})`,
  { timeout: upTo(60_000 + ROUNDS * 1_000) },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const counts = new Counts()
        const outbox = new Outbox('realtime', counts)
        const pairs = await sessions.pairs(outbox, SOCKETS)
        const sent: string[][] = pairs.map(() => [])
        const pings = pairs.map(() => 0)
        for (const [n, one] of steps.entries()) {
          if (one === 'turn') await turn()
          else if (one.length === 'ping') {
            const { session, start } = pairs[one.to]!
            // The one before it may still be unanswered: then none goes out.
            if (pings[one.to]!++ > 0) continue
            session.sweep(start + limits.socketPingMillis)
            sent[one.to]!.push('ping')
          } else {
            const text = `${n} `.padEnd(one.length, 'é')
            const frame = new Frame(text)
            const to = one.to === 'all' ? pairs.map((_, index) => index) : [one.to]
            for (const index of to) {
              pairs[index]!.session.send(one.to === 'all' ? frame : text)
              sent[index]!.push(text)
            }
          }
        }
        // In the same turn as what was sent last.
        for (const { session } of pairs) session.close(closeCodes.goingAway, 'over')
        for (const { session } of pairs) session.send('after the closing')
        for (const [n, { closed, heard }] of pairs.entries()) {
          expect((await closed)[0]).toBe(closeCodes.goingAway)
          expect(heard).toEqual(sent[n])
        }
        await turn()
        expect(counts.total.frames).toBe(sent.flat().filter((text) => text !== 'ping').length)
        expect(counts.total.writes).toBeLessThanOrEqual(counts.total.frames)
      }),
      { seed: SEED, numRuns: ROUNDS },
    )
  },
)

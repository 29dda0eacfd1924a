import { afterEach, expect, test, type TestContext } from 'vitest'
import { programsOfDebian } from './debian-postgres.ts'
import { startFleet } from './fleet.ts'
import { missingForPatroni, startPatroni } from './patroni.ts'
import { promote, type Verdict } from './promotion.ts'
import { startReplicated, type Replicated } from './replicas.ts'
import { cleanUpAll } from './server.ts'

/**
 * A standby is promoted under load, with servers, writers, readers and devices. A short form in every run, without Patroni; PROMOTION_SEEDS=20 is the long one
 * (CONTRIBUTING.md).
 */

const SEEDS = Number(process.env['PROMOTION_SEEDS'] ?? 1)
const FIRST = Number(process.env['SEED'] ?? 1)
const isLong = SEEDS > 1
const PROCESSES = 2

afterEach(cleanUpAll)

async function needPrograms(context: TestContext, isPatroni: boolean): Promise<void> {
  const missing = isPatroni ? missingForPatroni() : []
  if ((await programsOfDebian()) === null) missing.push('the PostgreSQL of Debian')
  if (missing.length === 0) return
  const reason = `this machine lacks ${missing.join(', ')} (apt-get install postgresql patroni etcd-server python3-etcd haproxy)`
  if (process.env['CI'] === 'true') throw new Error(`${reason}, and in CI nothing is skipped for that`)
  context.skip(reason)
}

interface Kind {
  readonly name: string
  readonly isPatroni: boolean
  /** Whether nothing that was acknowledged may be lost. */
  readonly isSafe: boolean
  readonly open: () => Promise<Replicated>
}

const kinds: readonly Kind[] = [
  { name: 'an asynchronous standby', isPatroni: false, isSafe: false, open: () => startReplicated(false) },
  { name: 'a synchronous standby', isPatroni: false, isSafe: true, open: () => startReplicated(true) },
  { name: 'a standby of Patroni', isPatroni: true, isSafe: false, open: () => startPatroni(false) },
  { name: 'a synchronous standby of Patroni', isPatroni: true, isSafe: true, open: () => startPatroni(true) },
]

for (const { name, isPatroni, isSafe, open } of kinds.slice(0, isLong ? 4 : 2))
  test(
    `L20, L15: ${name} is promoted: no number is told twice in one epoch, and no device begins anew twice (seeds from ${FIRST})`,
    { timeout: 180_000 + 60_000 * SEEDS },
    async (context) => {
      await needPrograms(context, isPatroni)
      const replicated = await open()
      const fleet = await startFleet(PROCESSES, () => ({ DATABASE_URL: replicated.url }))
      const verdicts: Verdict[] = []
      for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
        verdicts.push(await promote(replicated, fleet.bases, seed, isSafe))
        if (seed + 1 < FIRST + SEEDS) await replicated.repair()
      }
      report(name, verdicts)
      for (const { seed, toldTwice, steppedBack, faults, resyncs, twiceAnew } of verdicts) {
        expect({ seed, toldTwice, steppedBack, faults }).toEqual({ seed, toldTwice: [], steppedBack: [], faults: [] })
        expect(
          Math.max(...resyncs),
          `times that a device began anew (seed ${seed}): ${twiceAnew.join(' | ')}`,
        ).toBeLessThanOrEqual(1)
      }
    },
  )

function report(kind: string, verdicts: readonly Verdict[]): void {
  const sum = (of: (verdict: Verdict) => number) => verdicts.reduce((all, verdict) => all + of(verdict), 0)
  const without = verdicts.map(({ withoutWritesMillis }) => withoutWritesMillis).toSorted((a, b) => a - b)
  const resyncs = verdicts.flatMap((each) => each.resyncs)
  const figures = {
    kind,
    seeds: verdicts.map(({ seed }) => seed),
    toldTwice: sum(({ toldTwice }) => toldTwice.length),
    steppedBack: sum(({ steppedBack }) => steppedBack.length),
    twiceAnew: verdicts.flatMap(({ twiceAnew }) => twiceAnew),
    resyncsPerDevice: { most: Math.max(...resyncs), mean: resyncs.reduce((a, b) => a + b, 0) / resyncs.length },
    faults: sum(({ faults }) => faults.length),
    acknowledgedLost: sum(({ lost }) => lost),
    withoutWritesMillis: { p50: without[Math.floor(without.length / 2)], p99: without.at(-1), all: without },
    writes: sum(({ writes }) => writes),
    refused: sum(({ refused }) => refused),
  }
  console.log(JSON.stringify(figures))
}

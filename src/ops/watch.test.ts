import { expect, test } from 'vitest'
import { createLog } from '../platform/observability/log.ts'
import { limits } from '../platform/limits.ts'
import type { Figures as Metered } from '../platform/observability/meter.ts'
import { metrics } from '../platform/observability/metrics.ts'
import { OwnQuestions, type Follow } from '../processes/ask-processes.ts'
import { ErrorExamples, withoutValues } from './errors.ts'
import { between, Collected, quantile } from './families.ts'
import type { ErrorExample } from './figures.ts'
import { History } from './history.ts'
import { sampleOf } from './samples.ts'
import { OpsSessions } from './session.ts'
import { Watch } from './watch.ts'

/** Counts of the buckets of a duration: 10 of at most 5 ms, 10 of at most 10 ms. */
const durations = (low: number, middle: number, high = 0): number[] => {
  const counts = [...metrics.httpDuration.buckets!, Infinity].map(() => 0)
  counts[metrics.httpDuration.buckets!.indexOf(0.005)] = low
  counts[metrics.httpDuration.buckets!.indexOf(0.01)] = middle
  counts[counts.length - 1] = high
  return counts
}
const requests = (...answers: [route: string, status: string, counts: number[]][]): Metered => ({
  [metrics.httpDuration.name]: answers.map(([route, status, counts]) => ({
    labels: ['GET', route, status],
    counts,
    sum: 1,
  })),
})

test('O2: quantiles are those that Prometheus would give', () => {
  const { httpDuration } = metrics
  const all = new Collected(requests(['/a', '200', durations(10, 10)])).histogram(httpDuration.name)
  expect(all.count).toBe(20)
  // Half of the first bucket that has any: from 2.5 to 5 ms.
  expect(quantile(all, 0.25)).toBeCloseTo(0.00375)
  expect(quantile(all, 0.5)).toBeCloseTo(0.005)
  expect(quantile(all, 0.95)).toBeCloseTo(0.0095)
  expect(quantile(new Collected({}).histogram(httpDuration.name), 0.5)).toBeNull()
  const beyond = new Collected(requests(['/a', '200', durations(0, 0, 1)])).histogram(httpDuration.name)
  expect(quantile(beyond, 0.5)).toBe(httpDuration.buckets!.at(-1))
})

test('O2: points are of what happened in between, also when a process began to count anew', () => {
  const sample = (at: number, ok: number, failed: number) =>
    sampleOf(
      new Collected(
        requests(
          ['/a', '200', durations(ok, 0)],
          ['/a', '503', durations(failed, 0)],
          // Whoever looks on is not counted.
          ['/metrics', '200', durations(1000, 0)],
          ['/ops/figures', '500', durations(1000, 0)],
          ['/health/ready', '503', durations(1000, 0)],
        ),
      ),
      at,
    )
  const history = new History()
  history.add(sample(0, 100, 0))
  history.add(sample(5_000, 150, 0))
  history.add(sample(10_000, 200, 10))
  const { at, series } = history.pointsSince(0, sample(12_000, 5, 0))
  expect(at).toEqual([5_000, 10_000, 12_000])
  expect(series.requests).toEqual([10, 11, 5 / 12])
  expect(series.failed).toEqual([0, 1, 0])
  expect(series.requestP50[0]).toBeCloseTo(0.00375)
  expect(series.poolUsed).toEqual([null, null, null])
  expect(history.pointsSince(10_000, sample(12_000, 5, 0)).at).toEqual([12_000])
  expect(between(sample(0, 9, 0).histograms.requests, sample(1, 4, 0).histograms.requests).count).toBe(4)
})

test('O2: 15 minutes are kept and no more', () => {
  const history = new History()
  for (let n = 0; n < 1_000; n++) history.add(sampleOf(new Collected({}), n * limits.opsSampleMillis))
  expect(history.size).toBe(limits.opsSamples)
  const { at } = history.pointsSince(0, sampleOf(new Collected({}), 1_000 * limits.opsSampleMillis))
  expect(at.at(-1)! - at[0]!).toBe(15 * 60_000)
})

test('O2, O3: tables of the last minutes, and the errors of all processes, newest first and bounded', async () => {
  let now = 1_000_000
  let counted = requests(['/a', '200', durations(10, 0)])
  const example = (at: number): ErrorExample => ({
    at,
    method: 'GET',
    route: '/a',
    status: 500,
    code: 'bug',
    message: 'it broke',
    place: null,
    requestId: `${at}`,
  })
  const processes = [new ErrorExamples(), new ErrorExamples()]
  for (let n = 0; n < 300; n++) processes[n % 2]!.add(example(n))
  expect(processes[0]!.latest).toHaveLength(limits.opsErrors)
  const questions = new OwnQuestions()
  questions.ask = async () => processes.map(({ latest }) => latest)
  const watch = new Watch({ collect: async () => counted, questions, nowMillis: () => now, log: createLog('silent') })
  try {
    const before = await watch.figures(0, 15)
    expect(before.routes).toMatchObject([{ name: 'GET /a', calls: 10, failed: 0 }])
    now += 60_000
    counted = requests(['/a', '200', durations(12, 0)], ['/a', '500', durations(0, 3)])
    const figures = await watch.figures(0, 0)
    expect(figures.routes).toMatchObject([{ name: 'GET /a', calls: 15, failed: 3 }])
    expect(figures.totals).toMatchObject({ requests: 15, failed: 3 })
    expect(figures.errors).toHaveLength(limits.opsErrors)
    expect(figures.errors.map(({ at }) => at).slice(0, 3)).toEqual([299, 298, 297])
  } finally {
    watch.close()
  }
})

test('O2: samples are kept with the time that all processes were told, and one that nobody answered is left out', async () => {
  const heard: Follow[] = []
  const questions = new OwnQuestions()
  questions.follow = (_, hear) => void heard.push(hear)
  const counted = requests(['/a', '200', durations(30, 0)])
  const watch = new Watch({
    collect: async () => counted,
    questions,
    nowMillis: () => 21_000,
    log: createLog('silent'),
  })
  try {
    heard[0]!([requests(['/a', '200', durations(4, 0)]), requests(['/a', '200', durations(6, 0)])], 1_000)
    heard[0]!([], 6_000)
    heard[0]!([requests(['/a', '200', durations(20, 0)])], 11_000)
    const { points, kept } = await watch.figures(0, 15)
    expect(points.at).toEqual([11_000, 21_000])
    expect(points.series.requests).toEqual([1, 1])
    expect(kept).toBe(11_000)
  } finally {
    watch.close()
  }
})

test('O3: what people entered is not in a message', () => {
  for (const [message, shown] of [
    [
      'duplicate key value violates unique constraint "staff_email_key"',
      'duplicate key value violates unique constraint "…"',
    ],
    ['Key (email)=(ada@cedar.example) already exists.', 'Key (…)=… already exists.'],
    ['invalid input syntax for type uuid: "Ada"', 'invalid input syntax for type uuid: "…"'],
    ['no guest 01a20f7f-07c4-7000-ace3-dfb67c6c8b73 here', 'no guest … here'],
    ['call +49 170 1234567 now', 'call … now'],
    ['write to ada@cedar.example', 'write to …'],
    ["can't read the table", "can't read the table"],
    ['permission denied for table reservations', 'permission denied for table reservations'],
  ])
    expect(withoutValues(message!)).toBe(shown)
  expect(withoutValues('x'.repeat(10_000))).toHaveLength(limits.opsErrorCharacters)
})

test('O1: a session is good for 12 hours and for one token; a forged or stretched one for nothing', () => {
  let now = 1_000_000.5
  const sessions = new OpsSessions('the token of a test', () => now)
  const made = sessions.begin(false)
  expect(made).toMatch(/^qtable_ops=\d+\.[\w-]{43}; Path=\/ops; Max-Age=43200; HttpOnly; SameSite=Strict$/)
  expect(made).not.toContain('the token')
  expect(sessions.begin(true)).toMatch(/; Secure$/)
  const cookie = made.split(';')[0]!
  expect(sessions.isSignedIn(`other=1; ${cookie}; more=2`)).toBe(true)
  const stretched = cookie.replace(/=\d+/, (until) => `=${Number(until.slice(1)) + 1}`)
  for (const wrong of [undefined, '', 'qtable_ops=', stretched, `${cookie}x`, cookie.replace('qtable_ops', 'x')])
    expect(sessions.isSignedIn(wrong), wrong).toBe(false)
  expect(new OpsSessions('another token', () => now).isSignedIn(cookie)).toBe(false)
  now += limits.opsSessionMillis + 1
  expect(sessions.isSignedIn(cookie)).toBe(false)
})

import { setTimeout as sleep } from 'node:timers/promises'

/** What a run of many commands measured, and how figures are put together and shown. */

/** When commands ended, in milliseconds of one clock, and how long each took. */
export interface Timed {
  readonly ends: readonly number[]
  readonly took: readonly number[]
}

export interface Figures {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}

/** The steady part of a run: what ended between its first and last tenth, so that neither start nor stragglers count. */
export function figuresOf({ ends, took }: Timed): Figures {
  const order = ends.map((end, index) => ({ end, took: took[index]! })).sort((a, b) => a.end - b.end)
  const from = Math.floor(order.length * 0.1)
  const to = Math.floor(order.length * 0.9)
  const steady = order.slice(from, to)
  const times = steady.map((one) => one.took)
  const perSecond = (steady.length * 1000) / (order[to]!.end - order[from]!.end)
  return { perSecond, p50: percentile(times, 50), p99: percentile(times, 99) }
}

/**
 * Runs `one` for every number below `count`, or as long as it says so, `atOnce` at a time: each as soon as the one before it
 * is done or, with `perSecond`, at its own moment. It is then timed from that moment on, also where it had to wait.
 */
export async function drive(
  count: number | (() => boolean),
  atOnce: number,
  one: (index: number) => Promise<unknown>,
  perSecond?: number,
): Promise<Timed> {
  const ends: number[] = []
  const took: number[] = []
  let next = 0
  const begun = performance.now()
  const worker = async () => {
    while (typeof count === 'number' ? next < count : count()) {
      const index = next++
      const due = perSecond === undefined ? performance.now() : begun + (index * 1000) / perSecond
      if (due > performance.now()) await sleep(due - performance.now())
      const start = perSecond === undefined ? performance.now() : due
      await one(index)
      const end = performance.now()
      ends.push(end)
      took.push(end - start)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return { ends, took }
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length / 2
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2
}

/**
 * The interval that the median of what the values were drawn from is in, at a confidence of 95 %: by the ranks of a binomial
 * distribution, so of whatever form they are. Of twenty values or more.
 */
export function medianWithin(values: readonly number[]): [number, number] {
  const sorted = [...values].sort((a, b) => a - b)
  const [half, reach] = [sorted.length / 2, 0.98 * Math.sqrt(sorted.length)]
  return [sorted[Math.max(0, Math.floor(half - reach))]!, sorted[Math.min(sorted.length - 1, Math.ceil(half + reach))]!]
}

/** The value below which so many percent are. */
export function percentile(values: readonly number[], of: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * of) / 100))]!
}

/** Each figure's median over several runs. */
export const medians = (runs: readonly Figures[]): Figures => ({
  perSecond: median(runs.map((run) => run.perSecond)),
  p50: median(runs.map((run) => run.p50)),
  p99: median(runs.map((run) => run.p99)),
})

/** Rows as lines of text, the first column to the left and the others to the right. */
export function layOut(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
    .join('\n')
}

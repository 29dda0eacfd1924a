import type { Figures as Metered, Sample as Metering } from '../platform/observability/meter.ts'
import { metrics, type Metric } from '../platform/observability/metrics.ts'

/** Collects the current metrics of all processes of this machine. /metrics is written from the same values. */
export type Collect = () => Promise<Metered>

const table: ReadonlyMap<string, Metric> = new Map(Object.values(metrics).map((metric) => [metric.name, metric]))

/** Cumulative observations by upper bound, as in Prometheus. The last bound is infinite. */
export interface Histogram {
  readonly count: number
  readonly sum: number
  readonly buckets: readonly (readonly [upTo: number, count: number])[]
}

type Labels = Readonly<Record<string, string>>

/** Selects series of a metric by their labels. */
export type Wanted = (labels: Labels) => boolean

/** The metrics at one moment, by name. */
export class Collected {
  readonly #metered: Metered

  constructor(metered: Metered) {
    this.#metered = metered
  }

  /** Every series of a counter or gauge. */
  series(name: string): { labels: Labels; value: number }[] {
    return this.#read(name).map(({ labels, series }) => ({ labels, value: series.value ?? 0 }))
  }

  /** The sum of a counter or gauge over the selected series; null if there is none. */
  sum(name: string, wanted: Wanted = () => true): number | null {
    const values = this.series(name).filter(({ labels }) => wanted(labels))
    return values.length === 0 ? null : values.reduce((sum, { value }) => sum + value, 0)
  }

  /** A histogram over the selected series. */
  histogram(name: string, wanted: Wanted = () => true): Histogram {
    return this.histograms(name, (labels) => (wanted(labels) ? '' : null)).get('') ?? EMPTY
  }

  /** Histograms by a key made of the labels; series whose key is null are left out. */
  histograms(name: string, keyOf: (labels: Labels) => string | null): Map<string, Histogram> {
    const bounds = [...(table.get(name)?.buckets ?? []), Infinity]
    const found = new Map<string, { sum: number; counts: number[] }>()
    for (const { labels, series } of this.#read(name)) {
      const key = keyOf(labels)
      if (key === null) continue
      const each = found.get(key) ?? { sum: 0, counts: bounds.map(() => 0) }
      found.set(key, each)
      each.sum += series.sum ?? 0
      for (const [index, count] of (series.counts ?? []).entries()) each.counts[index]! += count
    }
    return new Map([...found].map(([key, { sum, counts }]) => [key, histogramOf(bounds, counts, sum)]))
  }

  #read(name: string): { labels: Labels; series: Metering }[] {
    const names = table.get(name)?.labels ?? []
    return (this.#metered[name] ?? []).map((series) => ({
      labels: Object.fromEntries(names.map((label, index) => [label, series.labels[index] ?? ''])),
      series,
    }))
  }
}

function histogramOf(bounds: readonly number[], counts: readonly number[], sum: number): Histogram {
  let count = 0
  const buckets = bounds.map((upTo, index) => [upTo, (count += counts[index] ?? 0)] as const)
  return { count, sum, buckets }
}

export const EMPTY: Histogram = { count: 0, sum: 0, buckets: [] }

/** The observations between two moments. A process that was replaced meanwhile counts from zero: never below zero. */
export function between(before: Histogram, after: Histogram): Histogram {
  if (after.count < before.count) return after
  const then = new Map(before.buckets)
  return {
    count: after.count - before.count,
    sum: Math.max(0, after.sum - before.sum),
    buckets: after.buckets.map(([upTo, count]) => [upTo, Math.max(0, count - (then.get(upTo) ?? 0))]),
  }
}

/**
 * The value that a share of the observations does not exceed, in the histogram's unit, as Prometheus estimates it;
 * null without observations.
 */
export function quantile({ buckets }: Histogram, share: number): number | null {
  const all = buckets.at(-1)?.[1] ?? 0
  if (all === 0) return null
  const rank = share * all
  const index = buckets.findIndex(([, count]) => count >= rank)
  const [upTo, count] = buckets[index]!
  const [from, below] = buckets[index - 1] ?? [0, 0]
  if (upTo === Infinity) return from
  return count === below ? upTo : from + ((upTo - from) * (rank - below)) / (count - below)
}

import type { Figures as Metered, Sample as Metering } from '../platform/observability/meter.ts'
import { metrics, type Metric } from '../platform/observability/metrics.ts'

/** Tells what the metrics are now, of all processes of this machine; what /metrics answers is written from the same. */
export type Collect = () => Promise<Metered>

const table: ReadonlyMap<string, Metric> = new Map(Object.values(metrics).map((metric) => [metric.name, metric]))

/** Observations by upper bound, cumulative, as Prometheus has them: the last bound is infinite. */
export interface Histogram {
  readonly count: number
  readonly sum: number
  readonly buckets: readonly (readonly [upTo: number, count: number])[]
}

type Labels = Readonly<Record<string, string>>

/** Which series of a metric are meant, by their labels. */
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

  /** The sum of a counter or gauge over the series that are wanted; null where there is none. */
  sum(name: string, wanted: Wanted = () => true): number | null {
    const values = this.series(name).filter(({ labels }) => wanted(labels))
    return values.length === 0 ? null : values.reduce((sum, { value }) => sum + value, 0)
  }

  /** A histogram over the series that are wanted. */
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

/** What was observed between two moments. A process that was renewed meanwhile counts from zero: never less than nothing. */
export function between(before: Histogram, after: Histogram): Histogram {
  if (after.count < before.count) return after
  const then = new Map(before.buckets)
  return {
    count: after.count - before.count,
    sum: Math.max(0, after.sum - before.sum),
    buckets: after.buckets.map(([upTo, count]) => [upTo, Math.max(0, count - (then.get(upTo) ?? 0))]),
  }
}

/** The value that a share of the observations doesn't exceed, in the histogram's unit, as Prometheus estimates it; null where nothing was observed. */
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

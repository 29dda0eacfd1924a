/** What the registry of metrics holds at one moment, in the form of prom-client's `getMetricsAsJSON`; of several processes, the sum over all of them. */
export interface Family {
  readonly name: string
  readonly values: readonly {
    /** Of a histogram: the name with `_bucket`, `_sum` or `_count`. */
    readonly metricName?: string
    readonly labels: Readonly<Record<string, string | number>>
    readonly value: number
  }[]
}

/** Tells what the metrics are now; what /metrics answers is written from the same. */
export type Collect = () => Promise<readonly Family[]>

/** Observations by upper bound, cumulative, as Prometheus has them: the last bound is infinite. */
export interface Histogram {
  readonly count: number
  readonly sum: number
  readonly buckets: readonly (readonly [upTo: number, count: number])[]
}

/** Which series of a metric are meant, by their labels. */
export type Wanted = (labels: Readonly<Record<string, string | number>>) => boolean

/** Families by name. */
export class Collected {
  readonly #families: ReadonlyMap<string, Family>

  constructor(families: readonly Family[]) {
    this.#families = new Map(families.map((family) => [family.name, family]))
  }

  /** Every series of a metric. */
  series(name: string): Family['values'] {
    return this.#families.get(name)?.values ?? []
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
  histograms(
    name: string,
    keyOf: (labels: Readonly<Record<string, string | number>>) => string | null,
  ): Map<string, Histogram> {
    const found = new Map<string, { count: number; sum: number; buckets: Map<number, number> }>()
    for (const { metricName, labels, value } of this.series(name)) {
      const key = keyOf(labels)
      if (key === null) continue
      const each = found.get(key) ?? { count: 0, sum: 0, buckets: new Map<number, number>() }
      found.set(key, each)
      if (metricName === `${name}_count`) each.count += value
      else if (metricName === `${name}_sum`) each.sum += value
      else {
        const upTo = labels['le'] === '+Inf' ? Infinity : Number(labels['le'])
        each.buckets.set(upTo, (each.buckets.get(upTo) ?? 0) + value)
      }
    }
    return new Map(
      [...found].map(([key, { count, sum, buckets }]) => [
        key,
        { count, sum, buckets: [...buckets].toSorted(([a], [b]) => a - b) },
      ]),
    )
  }
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

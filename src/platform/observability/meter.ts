import { assert } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Metric } from './metrics.ts'

/**
 * The figures behind /metrics. Code that counts holds its own cell, so counting is one addition: a request causes no
 * lookup, hash or allocation.
 */

/** A number that is incremented or set. */
export interface Cell {
  value: number
}

/** Values sorted into buckets. */
export class Histogram {
  readonly #bounds: readonly number[]
  /** The number of values in each bucket; the last bucket has no upper bound. */
  readonly counts: number[]
  sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  observe(value: number): void {
    const bounds = this.#bounds
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++
    this.counts[bucket]!++
    this.sum += value
  }
}

/** The data of one series: of a histogram the counts of its buckets and the sum, of others the value. */
export interface Sample {
  readonly labels: readonly string[]
  readonly value?: number
  readonly counts?: readonly number[]
  readonly sum?: number
}

/** All figures at one moment, by metric. Plain data, so that processes can send it to each other. */
export type Figures = Readonly<Record<string, readonly Sample[]>>

// Series beyond the limit of a metric are counted here, so that no growing label can fill the memory.
const OTHER = 'other'

interface Series<C> {
  readonly metric: Metric
  readonly cells: Map<string, { readonly labels: readonly string[]; readonly cell: C }>
}

/** Holds the cells of all metrics of one application. */
export class Meter {
  readonly #numbers = new Map<string, Series<Cell>>()
  readonly #histograms = new Map<string, Series<Histogram>>()
  readonly #collectors: (() => void)[] = []

  /** The cell of a counter or gauge with these values of its labels. */
  cell<L extends readonly string[]>(metric: Metric<L>, ...labels: { [I in keyof L]: string }): Cell {
    return cellOf(this.#numbers, metric, labels, () => ({ value: 0 }))
  }

  /** The cell of a histogram. */
  histogram<L extends readonly string[]>(metric: Metric<L>, ...labels: { [I in keyof L]: string }): Histogram {
    assert(metric.buckets, `${metric.name} is no histogram`)
    const { buckets } = metric
    return cellOf(this.#histograms, metric, labels, () => new Histogram(buckets))
  }

  /** Removes the series of a metric: for gauges whose labels come and go, before they are set again. */
  clear(metric: Metric): void {
    this.#numbers.delete(metric.name)
  }

  /** Calls `collect` before each reading, to set gauges. It must not throw. */
  onCollect(collect: () => void): void {
    this.#collectors.push(collect)
  }

  /** All current figures. */
  read(): Figures {
    for (const collect of this.#collectors) collect()
    const figures: Record<string, Sample[]> = {}
    for (const [name, { cells }] of this.#numbers)
      figures[name] = [...cells.values()].map(({ labels, cell }) => ({ labels, value: cell.value }))
    for (const [name, { cells }] of this.#histograms)
      figures[name] = [...cells.values()].map(({ labels, cell }) => ({
        labels,
        counts: [...cell.counts],
        sum: cell.sum,
      }))
    return figures
  }
}

function cellOf<C>(all: Map<string, Series<C>>, metric: Metric, labels: readonly string[], make: () => C): C {
  assert(labels.length === metric.labels.length, `${metric.name} has other labels`)
  let series = all.get(metric.name)
  if (!series) all.set(metric.name, (series = { metric, cells: new Map() }))
  const key = labels.join('\n')
  const known = series.cells.get(key)
  if (known) return known.cell
  if (series.cells.size >= limits.seriesPerMetric) {
    const other = metric.labels.map(() => OTHER)
    if (other.join('\n') !== key && series.cells.has(other.join('\n'))) return series.cells.get(other.join('\n'))!.cell
    labels = other
  }
  const cell = make()
  series.cells.set(labels.join('\n'), { labels, cell })
  return cell
}

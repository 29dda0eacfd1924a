import { assert } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Metric } from './metrics.ts'

/**
 * The figures behind /metrics. Whoever counts holds the cell that it counts in, so that counting is one addition: nothing is looked up, hashed or allocated on the
 * way of a request.
 */

/** A number that is counted up, or set. */
export interface Cell {
  value: number
}

/** Values sorted into buckets. */
export class Histogram {
  readonly #bounds: readonly number[]
  /** How many fell into each bucket; the last is beyond all bounds. */
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

/** One series as it is handed on: of a histogram the counts of its buckets and the sum, of others the value. */
export interface Sample {
  readonly labels: readonly string[]
  readonly value?: number
  readonly counts?: readonly number[]
  readonly sum?: number
}

/** All figures at one moment, by name of metric. Plain data, so that it goes from process to process. */
export type Figures = Readonly<Record<string, readonly Sample[]>>

// What is beyond the bound of a metric's series is counted here, so that no label that grows can fill the memory.
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

  /** Forgets the series of a metric: for gauges whose labels come and go, before they are set anew. */
  clear(metric: Metric): void {
    this.#numbers.delete(metric.name)
  }

  /** Has `collect` called before each reading, to set gauges. Must not throw. */
  onCollect(collect: () => void): void {
    this.#collectors.push(collect)
  }

  /** Every figure now. */
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

import type { Figures, Sample } from './meter.ts'
import type { Metric } from './metrics.ts'

/** Combines the figures of several processes, and writes figures as text for Prometheus. */

/** Combines the figures of several processes: sums, except where a metric says minimum or maximum. */
export function together(table: readonly Metric[], all: readonly Figures[]): Figures {
  const figures: Record<string, readonly Sample[]> = {}
  for (const metric of table) {
    const merged = new Map<string, Sample>()
    for (const each of all)
      for (const sample of each[metric.name] ?? []) {
        const key = sample.labels.join('\n')
        const before = merged.get(key)
        merged.set(key, before ? joined(metric, before, sample) : sample)
      }
    if (merged.size > 0) figures[metric.name] = [...merged.values()]
  }
  return figures
}

function joined({ across }: Metric, a: Sample, b: Sample): Sample {
  const { labels } = a
  if (a.counts && b.counts) {
    const { counts } = b
    return { labels, counts: a.counts.map((count, i) => count + counts[i]!), sum: (a.sum ?? 0) + (b.sum ?? 0) }
  }
  const [left, right] = [a.value ?? 0, b.value ?? 0]
  return { labels, value: across === 'sum' ? left + right : Math[across](left, right) }
}

/** Only the counters: those of an ended process must be kept, or sums would run backwards. */
export function counted(table: readonly Metric[], figures: Figures): Figures {
  const lasting = table.filter(({ type }) => type !== 'gauge').map(({ name }) => name)
  return Object.fromEntries(Object.entries(figures).filter(([name]) => lasting.includes(name)))
}

/** The content type of `textOf`. */
export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Figures in Prometheus' text format, version 0.0.4. */
export function textOf(table: readonly Metric[], figures: Figures): string {
  const lines: string[] = []
  for (const metric of table) {
    const samples = figures[metric.name]
    if (!samples || samples.length === 0) continue
    lines.push(`# HELP ${metric.name} ${metric.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`)
    lines.push(`# TYPE ${metric.name} ${metric.type}`)
    for (const sample of samples) lines.push(...linesOf(metric, sample))
  }
  return `${lines.join('\n')}\n`
}

function linesOf({ name, labels, buckets = [] }: Metric, sample: Sample): string[] {
  const pairs = labels.map((label, i) => `${label}="${escaped(sample.labels[i]!)}"`)
  const of = (more: readonly string[]) => (more.length > 0 ? `{${more.join(',')}}` : '')
  if (!sample.counts) return [`${name}${of(pairs)} ${sample.value ?? 0}`]
  let below = 0
  const lines = sample.counts.map((count, i) => {
    below += count
    return `${name}_bucket${of([...pairs, `le="${i < buckets.length ? buckets[i] : '+Inf'}"`])} ${below}`
  })
  return [...lines, `${name}_sum${of(pairs)} ${sample.sum ?? 0}`, `${name}_count${of(pairs)} ${below}`]
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

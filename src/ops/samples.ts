import { between, quantile, type Collected, type Histogram, type Wanted } from './families.ts'
import type { SeriesName } from './figures.ts'

/** The charts of the page: the kept samples of the metrics, and the points made from two of them. */

/** Requests of devices. Requests of observers do not count, here as in the alerts. */
export const isServed = (route: string): boolean => !/^\/(metrics$|ops|health)/.test(route)

const REQUESTS = 'http_server_request_duration_seconds'
const label =
  (name: string, ...values: readonly string[]): Wanted =>
  (labels) =>
    values.includes(labels[name] ?? '')
const served: Wanted = (labels) => isServed(labels['http_route'] ?? '')

/** Counters and gauges, each with its source. */
const sums = {
  changes: (now) => now.sum('qtable_changes_total'),
  poolUsed: (now) => now.sum('db_client_connection_count', label('state', 'used')),
  poolMax: (now) => now.sum('db_client_connection_max'),
  poolWaiting: (now) => now.sum('db_client_connection_pending_requests'),
  stream: (now) => now.sum('qtable_sockets_open', label('kind', 'stream')),
  realtime: (now) => now.sum('qtable_sockets_open', label('kind', 'realtime')),
  sync: (now) => now.sum('qtable_sockets_open', label('kind', 'sync')),
  frames: (now) => now.sum('qtable_socket_frames_sent_total'),
  writes: (now) => now.sum('qtable_socket_writes_total'),
  cacheKept: (now) => now.sum('qtable_cache_requests_total', label('result', 'hit', 'not-modified', 'redis')),
  cacheAsked: (now) => now.sum('qtable_cache_requests_total', label('result', 'hit', 'not-modified', 'redis', 'made')),
  lagChanges: (now) => now.sum('qtable_change_log_lag_changes'),
  lagSeconds: (now) => now.sum('qtable_change_log_lag_seconds'),
  loopP50: (now) => now.sum('nodejs_eventloop_delay_p50_seconds'),
  loopP99: (now) => now.sum('nodejs_eventloop_delay_p99_seconds'),
  heapUsed: (now) => now.sum('v8js_memory_heap_used_bytes'),
  heapLimit: (now) => now.sum('v8js_memory_heap_limit_bytes'),
  resident: (now) => now.sum('process_resident_memory_bytes'),
  cpu: (now) => now.sum('process_cpu_seconds_total'),
} satisfies Record<string, (now: Collected) => number | null>

const histograms = {
  requests: (now) => now.histogram(REQUESTS, served),
  refused: (now) => now.histogram(REQUESTS, (labels) => served(labels) && labels[STATUS]?.startsWith('4') === true),
  failed: (now) => now.histogram(REQUESTS, (labels) => served(labels) && labels[STATUS]?.startsWith('5') === true),
  delivered: (now) => now.histogram('qtable_commit_to_delivered_seconds'),
  statements: (now) => now.histogram('db_client_operation_duration_seconds'),
  waits: (now) => now.histogram('db_client_connection_wait_time_seconds'),
} satisfies Record<string, (now: Collected) => Histogram>
const STATUS = 'http_response_status_code'

/** The names of the counters. */
export type SumName = keyof typeof sums
type HistogramName = keyof typeof histograms

/** The figures that the charts need of one moment. */
export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly sums: Readonly<Record<SumName, number | null>>
  readonly histograms: Readonly<Record<HistogramName, Histogram>>
}

/** Takes a sample. */
export function sampleOf(now: Collected, at: number): Sample {
  const all = <K extends string, V>(from: Record<K, (now: Collected) => V>) =>
    Object.fromEntries(Object.entries<(now: Collected) => V>(from).map(([name, read]) => [name, read(now)])) as Record<
      K,
      V
    >
  return { at, sums: all(sums), histograms: all(histograms) }
}

/**
 * One point of each chart: events between two samples, and levels at the later one. Times are in seconds, rates per
 * second.
 */
export function pointOf(before: Sample, now: Sample): Record<SeriesName, number | null> {
  const seconds = Math.max(0.001, (now.at - before.at) / 1000)
  const of = (name: HistogramName) => between(before.histograms[name], now.histograms[name])
  const [requests, delivered, statements, waits] = [of('requests'), of('delivered'), of('statements'), of('waits')]
  const { sums } = now
  const grown = (name: SumName) => (sums[name] === null ? null : Math.max(0, sums[name] - (before.sums[name] ?? 0)))
  const rate = (name: SumName) => (grown(name) === null ? null : grown(name)! / seconds)
  const asked = grown('cacheAsked')
  return {
    requests: requests.count / seconds,
    refused: of('refused').count / seconds,
    failed: of('failed').count / seconds,
    requestP50: quantile(requests, 0.5),
    requestP99: quantile(requests, 0.99),
    changes: rate('changes'),
    delivered: delivered.count / seconds,
    deliveredP50: quantile(delivered, 0.5),
    deliveredP99: quantile(delivered, 0.99),
    statements: statements.count / seconds,
    statementP99: quantile(statements, 0.99),
    poolUsed: sums.poolUsed,
    poolWaiting: sums.poolWaiting,
    poolMax: sums.poolMax,
    waitP99: quantile(waits, 0.99),
    stream: sums.stream,
    realtime: sums.realtime,
    sync: sums.sync,
    frames: rate('frames'),
    writes: rate('writes'),
    cacheShare: asked === null || asked === 0 ? null : (grown('cacheKept') ?? 0) / asked,
    lagChanges: sums.lagChanges,
    lagSeconds: sums.lagSeconds,
    loopP50: sums.loopP50,
    loopP99: sums.loopP99,
    heapUsed: sums.heapUsed,
    heapLimit: sums.heapLimit,
    resident: sums.resident,
    cpu: rate('cpu'),
  }
}

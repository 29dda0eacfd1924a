/**
 * The answer of GET /ops/figures, which the page shows. The page imports these types and nothing else from the
 * server.
 */

/** A line of a chart. Times are in seconds, sizes in bytes, rates per second. */
export type SeriesName =
  | 'requests'
  | 'refused'
  | 'failed'
  | 'requestP50'
  | 'requestP99'
  | 'changes'
  | 'delivered'
  | 'deliveredP50'
  | 'deliveredP99'
  | 'statements'
  | 'statementP99'
  | 'poolUsed'
  | 'poolWaiting'
  | 'poolMax'
  | 'waitP99'
  | 'stream'
  | 'realtime'
  | 'sync'
  | 'frames'
  | 'writes'
  | 'cacheShare'
  | 'lagChanges'
  | 'lagSeconds'
  | 'loopP50'
  | 'loopP99'
  | 'heapUsed'
  | 'heapLimit'
  | 'resident'
  | 'cpu'

/** Points of all charts, oldest first. */
export interface Points {
  /** When, in milliseconds since 1970. */
  readonly at: readonly number[]
  readonly series: Readonly<Record<SeriesName, readonly (number | null)[]>>
}

/** Calls of a statement or a route. Seconds. */
export interface Calls {
  readonly name: string
  readonly calls: number
  readonly totalSeconds: number
  readonly p50: number | null
  readonly p99: number | null
  /** Of a route: answers of 500 and above. Of a statement: errors. */
  readonly failed: number
  /** Of a statement: the rows that it returned. */
  readonly rows?: number
  /** Of a statement: how often it was slower than the setting. */
  readonly slow?: number
}

/** A request that failed by the server's fault. */
export interface ErrorExample {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly method: string
  readonly route: string
  readonly status: number
  readonly code: string
  /** Without anything that people entered. */
  readonly message: string
  /** The place in the code that threw, if it is a bug. */
  readonly place: string | null
  readonly requestId: string
}

/** The answer. */
export interface Figures {
  readonly at: number
  /** The start of the oldest serving process. */
  readonly startedAt: number | null
  readonly version: string
  readonly node: string
  /** null: not configured, or not known yet. */
  readonly up: { readonly database: boolean | null; readonly redis: boolean | null }
  /** Counted since the start, as /metrics has them. */
  readonly totals: {
    readonly requests: number
    readonly failed: number
    readonly changes: number
    readonly delivered: number
    readonly statements: number
    readonly slowStatements: number
    readonly sockets: number
    readonly slowReaders: number
  }
  /** The points after the requested time. The last one is of this moment and is not kept. */
  readonly points: Points
  /** The time of the last kept point: send it with the next request. */
  readonly kept: number
  /** The minutes that the tables cover; 0 is since the start. */
  readonly minutes: number
  readonly statements: readonly Calls[]
  readonly routes: readonly Calls[]
  readonly restaurants: readonly { readonly id: string; readonly sockets: number }[]
  readonly refusals: readonly { readonly route: string; readonly code: string; readonly count: number }[]
  readonly errors: readonly ErrorExample[]
}

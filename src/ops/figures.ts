/** What GET /ops/figures answers and the page shows. The page takes these types and nothing else from the server. */

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
  /** Of a statement: rows that it gave. */
  readonly rows?: number
  /** Of a statement: how often it was slow, by the setting. */
  readonly slow?: number
}

/** A request that went wrong by the server's fault. */
export interface ErrorExample {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly method: string
  readonly route: string
  readonly status: number
  readonly code: string
  /** Without what people have entered. */
  readonly message: string
  /** Where in the code it was thrown, if it is a bug. */
  readonly place: string | null
  readonly requestId: string
}

/** The answer. */
export interface Figures {
  readonly at: number
  /** When the oldest process that serves was started. */
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
  /** Those after the time that was asked for; the last is of this moment and is not kept. */
  readonly points: Points
  /** The time of the last point that is kept: what to ask from the next time. */
  readonly kept: number
  /** Minutes that the tables are of; 0 is since the start. */
  readonly minutes: number
  readonly statements: readonly Calls[]
  readonly routes: readonly Calls[]
  readonly restaurants: readonly { readonly id: string; readonly sockets: number }[]
  readonly refusals: readonly { readonly route: string; readonly code: string; readonly count: number }[]
  readonly errors: readonly ErrorExample[]
}

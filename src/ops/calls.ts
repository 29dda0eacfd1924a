import { limits } from '../platform/limits.ts'
import { between, type Collected, EMPTY, quantile, type Histogram } from './families.ts'
import type { Calls, Figures } from './figures.ts'

/** The tables of the page: statements and routes over the last minutes, or since the start. */

const ROUTES = 'http_server_request_duration_seconds'
const STATEMENTS = 'db_client_operation_duration_seconds'
const STATEMENT = 'db_query_summary'

interface Counted {
  readonly times: ReadonlyMap<string, Histogram>
  readonly failed: ReadonlyMap<string, number>
  readonly rows?: ReadonlyMap<string, number>
  readonly slow?: ReadonlyMap<string, number>
}

/** The figures that the tables need of one moment. */
export interface Ledger {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly routes: Counted
  readonly statements: Counted
  readonly refusals: ReadonlyMap<string, number>
}

/** Reads these figures at a moment. */
export function ledgerOf(now: Collected, at: number): Ledger {
  const counts = (name: string, keyOf: (labels: Readonly<Record<string, string>>) => string) => {
    const found = new Map<string, number>()
    for (const { labels, value } of now.series(name)) found.set(keyOf(labels), (found.get(keyOf(labels)) ?? 0) + value)
    return found
  }
  const byStatement = (name: string) => counts(name, (labels) => `${labels[STATEMENT]}`)
  const routeOf = (labels: Readonly<Record<string, string>>) =>
    `${labels['http_request_method']} ${labels['http_route']}`
  const failed = now.histograms(ROUTES, (labels) =>
    `${labels['http_response_status_code']}`.startsWith('5') ? routeOf(labels) : null,
  )
  return {
    at,
    routes: {
      times: now.histograms(ROUTES, routeOf),
      failed: new Map([...failed].map(([name, { count }]) => [name, count])),
    },
    statements: {
      times: now.histograms(STATEMENTS, (labels) => `${labels[STATEMENT]}`),
      failed: byStatement('qtable_db_errors_total'),
      rows: byStatement('qtable_db_rows_total'),
      slow: byStatement('qtable_db_slow_statements_total'),
    },
    refusals: counts('qtable_http_errors_total', ({ code, http_route: route }) => `${code} ${route}`),
  }
}

/** Figures of the last minutes, one per minute, to subtract from the current ones. */
export class Ledgers {
  readonly #kept: Ledger[] = []

  /** Keeps figures unless the last ones are of this minute. */
  add(ledger: Ledger): void {
    if (ledger.at - (this.#kept.at(-1)?.at ?? 0) < limits.opsLedgerMillis) return
    this.#kept.push(ledger)
    while (this.#kept.length > limits.opsLedgers) this.#kept.shift()
  }

  /** The calls of the last minutes, as far as known; with 0 minutes, since the start. */
  since(minutes: number, now: Ledger): Pick<Figures, 'statements' | 'routes' | 'refusals'> {
    const from = now.at - minutes * 60_000
    const older = minutes === 0 ? undefined : this.#kept.findLast(({ at }) => at <= from)
    // No figures are that old. Either the server started later, and everything counts; or it is busy, and figures are
    // missing.
    const isWhole = minutes === 0 || this.#kept.length < limits.opsLedgers
    const before = older ?? (isWhole ? undefined : this.#kept[0])
    const refusals = [...now.refusals]
      .map(([key, count]) => {
        const [code = '', route = ''] = key.split(/ (.*)/s)
        return { route, code, count: grown(before?.refusals, key, count) }
      })
      .filter(({ count }) => count > 0)
      .toSorted((a, b) => b.count - a.count)
      .slice(0, limits.opsRows)
    return {
      statements: callsOf(before?.statements, now.statements),
      routes: callsOf(before?.routes, now.routes),
      refusals,
    }
  }
}

const grown = (before: ReadonlyMap<string, number> | undefined, key: string, now: number): number => {
  const then = before?.get(key) ?? 0
  // A replaced process counts from zero.
  return now < then ? now : now - then
}

/** Statements or routes, those with the most total time first. */
function callsOf(before: Counted | undefined, now: Counted): Calls[] {
  return [...now.times]
    .map(([name, times]): Calls => {
      const window = between(before?.times.get(name) ?? EMPTY, times)
      const { rows, slow } = now
      return {
        name,
        calls: window.count,
        totalSeconds: window.sum,
        p50: quantile(window, 0.5),
        p99: quantile(window, 0.99),
        failed: grown(before?.failed, name, now.failed.get(name) ?? 0),
        ...(rows && { rows: grown(before?.rows, name, rows.get(name) ?? 0) }),
        ...(slow && { slow: grown(before?.slow, name, slow.get(name) ?? 0) }),
      }
    })
    .filter(({ calls }) => calls > 0)
    .toSorted((a, b) => b.totalSeconds - a.totalSeconds)
    .slice(0, limits.opsRows)
}

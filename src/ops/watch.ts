import { together } from '../platform/observability/exposition.ts'
import { limits } from '../platform/limits.ts'
import type { Logger } from '../platform/observability/log.ts'
import type { Figures as Metered } from '../platform/observability/meter.ts'
import { metrics } from '../platform/observability/metrics.ts'
import { FIGURES, type Questions } from '../processes/ask-processes.ts'
import { Ledgers, ledgerOf } from './calls.ts'
import { Collected, type Collect } from './families.ts'
import { ERRORS } from './errors.ts'
import type { ErrorExample, Figures } from './figures.ts'
import { History } from './history.ts'
import { sampleOf } from './samples.ts'

/** What the watch needs. */
export interface WatchDeps {
  readonly collect: Collect
  /** Asks all processes of this server. */
  readonly questions: Questions
  readonly nowMillis: () => number
  readonly log: Logger
}

/**
 * Keeps periodic samples of the metrics, so that the page shows the minutes before it was opened, whichever process
 * answers. Spec: O2.
 */
export class Watch {
  readonly #deps: WatchDeps
  readonly #history = new History()
  readonly #ledgers = new Ledgers()

  constructor(deps: WatchDeps) {
    this.#deps = deps
    deps.questions.follow(FIGURES, (answers, at) => this.#keep(answers as readonly Metered[], at))
  }

  #keep(answers: readonly Metered[], at: number): void {
    try {
      if (answers.length === 0) throw new Error('no process told its figures')
      const now = new Collected(together(Object.values(metrics), answers))
      this.#history.add(sampleOf(now, at))
      this.#ledgers.add(ledgerOf(now, at))
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'no sample of the metrics could be taken')
    }
  }

  /** The figures of this moment: points later than `since` (milliseconds), tables of the last `minutes` (0: since the start). */
  async figures(since: number, minutes: number): Promise<Figures> {
    const [families, errors] = await Promise.all([this.#deps.collect(), this.#deps.questions.ask(ERRORS)])
    const now = new Collected(families)
    const at = Math.round(this.#deps.nowMillis())
    const sample = sampleOf(now, at)
    const { requests, failed, delivered, statements } = sample.histograms
    const sockets = now.sum('qtable_sockets_open')
    const [build] = now.series('qtable_build_info')
    const started = now.series('process_start_time_seconds').map(({ value }) => value)
    const up = (name: string) => {
      const value = now.sum(name)
      return value === null ? null : value > 0
    }
    return {
      at,
      startedAt: started.length === 0 ? null : Math.min(...started) * 1000,
      version: build?.labels['version'] ?? '',
      node: build?.labels['node'] ?? '',
      up: { database: up('qtable_db_up'), redis: up('qtable_redis_up') },
      totals: {
        requests: requests.count,
        failed: failed.count,
        changes: now.sum('qtable_changes_total') ?? 0,
        delivered: delivered.count,
        statements: statements.count,
        slowStatements: now.sum('qtable_db_slow_statements_total') ?? 0,
        sockets: sockets ?? 0,
        slowReaders: now.sum('qtable_sockets_slow_closed_total') ?? 0,
      },
      points: this.#history.pointsSince(since, sample),
      kept: this.#history.last,
      minutes,
      ...this.#ledgers.since(minutes, ledgerOf(now, at)),
      restaurants: restaurantsOf(now),
      errors: (errors as ErrorExample[][])
        .flat()
        .toSorted((a, b) => b.at - a.at)
        .slice(0, limits.opsErrors),
    }
  }

  /** Takes no more samples. */
  close(): void {
    this.#deps.questions.unfollow(FIGURES)
  }
}

/** The restaurants with the most sockets. */
const restaurantsOf = (now: Collected): Figures['restaurants'] =>
  now
    .series('qtable_restaurant_sockets_open')
    .map(({ labels, value }) => ({ id: labels['restaurant'] ?? '', sockets: value }))
    .filter(({ sockets }) => sockets > 0)
    .toSorted((a, b) => b.sockets - a.sockets)
    .slice(0, limits.opsRestaurants)

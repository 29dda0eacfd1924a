import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { wallMillis } from '../platform/clock.ts'
import type { Db, DbObserver } from '../platform/database/db.ts'
import { together } from '../platform/observability/exposition.ts'
import type { Logger } from '../platform/observability/log.ts'
import type { Measuring } from '../platform/observability/measuring.ts'
import { Meter, type Cell, type Figures } from '../platform/observability/meter.ts'
import { metrics } from '../platform/observability/metrics.ts'
import { FIGURES, type Questions } from '../processes/ask-processes.ts'
import { tellOfProcess, watchRuntime } from '../platform/observability/runtime.ts'
import { SlowStatements, type Planner } from '../platform/observability/slow-statements.ts'
import { openTracing, type Tracing } from '../platform/observability/tracing.ts'
import { Commits } from '../changes/commits.ts'
import type { Change } from '../changes/log/log.ts'
import type { RequestWatch } from '../platform/observability/request-watch.ts'
import type { SocketObserver } from '../sockets/socket-observer.ts'
import { OpsAccess } from './access.ts'
import { ERRORS, ErrorExamples, watchErrors } from './errors.ts'
import { HealthChecks, mountHealth } from './health.ts'
import { observeHeld, type Holders } from './held.ts'
import { watchHttp } from './http.ts'
import { mountPage } from './page.ts'
import { OpsSessions } from './session.ts'
import { Watch } from './watch.ts'
import { mountMetrics } from './metrics-page.ts'
import { observeDb, observeSockets } from './observers.ts'

/** What measuring needs. */
export interface OpsDeps {
  readonly db: Db
  readonly log: Logger
  /** The token for /metrics; null if nothing opens it. */
  readonly token: string | null
  readonly slowMillis: number
  /** Null if plans of slow statements are not wanted. */
  readonly planner: Planner | null
  readonly questions: Questions
}

/** Everything that is measured of one application, and the door to it. */
export class Ops {
  readonly #deps: OpsDeps
  readonly #meter = new Meter()
  readonly #tracing: Tracing | null
  readonly #slow: SlowStatements
  readonly #measuring: Measuring = { isOn: true }
  readonly #observer: DbObserver
  #runtime: { close(): void } | null
  readonly #changes = new Map<string, Cell>()
  readonly #errors = new ErrorExamples()
  #health: HealthChecks | null = null
  #watch: Watch | null = null
  /** The times of commits. */
  readonly commits: Commits
  /** The observers of sockets. */
  readonly socketWatch: { readonly observer: SocketObserver }

  constructor(deps: OpsDeps) {
    this.#deps = deps
    this.#tracing = openTracing()
    this.#slow = new SlowStatements(deps.log, deps.slowMillis, deps.planner)
    tellOfProcess(this.#meter, versionHere())
    this.#runtime = watchRuntime(this.#meter)
    this.commits = new Commits(this.#tracing, this.#measuring)
    this.socketWatch = { observer: observeSockets(this.#meter, this.commits) }
    this.#observer = observeDb(this.#meter, deps.db, this.#slow)
    deps.db.observe(this.#observer)
    deps.questions.answer(FIGURES, async () => {
      // Applies the next time: a request for figures does not keep all others waiting for a silent database.
      void this.#health?.look()
      return this.readHere()
    })
    deps.questions.answer(ERRORS, async () => this.#errors.latest)
  }

  /** Counts a change that was committed here. */
  committed(change: Change): void {
    if (!this.#measuring.isOn) return
    this.commits.made(change)
    let cell = this.#changes.get(change.command)
    if (!cell) this.#changes.set(change.command, (cell = this.#meter.cell(metrics.changes, change.command)))
    cell.value++
  }

  /**
   * Must run before any route is mounted. Returns the observer of reads that are answered before the server sees
   * them.
   */
  watch(server: FastifyInstance): RequestWatch {
    const failed = watchErrors(server, this.#errors, wallMillis)
    const { log } = this.#deps
    return watchHttp(server, { log, meter: this.#meter, measuring: this.#measuring, tracing: this.#tracing, failed })
  }

  /** Mounts /metrics, the operations page and the health checks. */
  mount(server: FastifyInstance, holders: Holders): void {
    const { db, token } = this.#deps
    this.#health = new HealthChecks({ db, hub: holders.hub, redis: holders.redis ?? null })
    mountHealth(server, this.#health)
    observeHeld(this.#meter, holders)
    const access = new OpsAccess(token, wallMillis)
    mountMetrics(server, access, () => this.collect())
    if (token === null) return
    const { log, questions } = this.#deps
    const watch = new Watch({ collect: () => this.collect(), questions, nowMillis: wallMillis, log })
    mountPage(server, { access, sessions: new OpsSessions(token, wallMillis), watch })
    this.#watch = watch
  }

  /** The current figures of all processes of this server. */
  async collect(): Promise<Figures> {
    // Only an attempt shows whether the database is reachable: an idle server tries now.
    await this.#health?.look()
    const all = await this.#deps.questions.ask(FIGURES)
    return together(Object.values(metrics), all as Figures[])
  }

  /** The figures of this process alone. */
  readHere(): Figures {
    return this.#meter.read()
  }

  /**
   * Stops or resumes measuring requests, statements, commits and the process. Only the benchmark of measuring uses
   * it. Sockets stay measured.
   */
  measure(isOn: boolean): void {
    this.#measuring.isOn = isOn
    this.#deps.db.observe(isOn ? this.#observer : undefined)
    if (isOn) this.#runtime ??= watchRuntime(this.#meter)
    else {
      this.#runtime?.close()
      this.#runtime = null
    }
  }

  /** The server is stopping and no longer ready. */
  drain(): void {
    this.#health?.drain()
  }

  async close(): Promise<void> {
    this.#watch?.close()
    this.#runtime?.close()
    await this.#slow.close()
  }
}

/** The version in package.json. */
function versionHere(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

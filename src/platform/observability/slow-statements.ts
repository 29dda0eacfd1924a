import pg from 'pg'
import { elapsedMillis } from '../clock.ts'
import { limits } from '../limits.ts'
import type { Logger } from './log.ts'
import { ROLE } from '../database/opening.ts'
import { statementOf, type Statement } from '../database/statement.ts'

/** The log of slow statements: their names and times, never their values. */
export class SlowStatements {
  readonly #log: Logger
  readonly #seconds: number
  readonly #planner: Planner | null

  /** `millis`: the limit. `planner`: gives the plans, if they are wanted. */
  constructor(log: Logger, millis: number, planner: Planner | null) {
    this.#log = log
    this.#seconds = millis / 1000
    this.#planner = planner
  }

  /** Logs a statement if it was slow, and says whether it was. */
  note(name: string, seconds: number, rows: number): boolean {
    if (seconds < this.#seconds) return false
    this.#log.warn({ statement: name, ms: Math.round(seconds * 1000), rows }, 'a statement was slow')
    // A statement that begins a transaction has no useful plan, and is answered together with the rest of its trip.
    const declared = this.#planner && !name.startsWith('begin') && statementOf(name)
    if (declared) void this.#tellPlan(declared)
    return true
  }

  /** Waits for the running request of a plan. */
  async close(): Promise<void> {
    await this.#planner?.close()
  }

  async #tellPlan(s: Statement): Promise<void> {
    try {
      const plan = await this.#planner!.planOf(s)
      // The values are unknown here, so this is the plan for any values. A statement planned for its values ran with
      // another plan.
      const which = s.isPlannedAnew
        ? 'a plan of a slow statement: for any values, it ran by one for its own'
        : 'the plan of a slow statement'
      if (plan) this.#log.warn({ statement: s.name, plan }, which)
    } catch (error) {
      this.#log.warn({ err: error, statement: s.name }, 'the plan of a slow statement could not be had')
    }
  }
}

/**
 * Gets plans of statements, on a connection of its own, so that a full pool does not block it. The plan is the one
 * for any values: the statement is not run, and its values are unknown here.
 */
export class Planner {
  readonly #url: string
  readonly #askedAt = new Map<string, number>()
  #anyAt = -Infinity
  #underWay: Promise<unknown> = Promise.resolve()

  constructor(url: string) {
    this.#url = url
  }

  /**
   * The lines of a plan; null if it was given recently, or another one just now. Rejects when the database is
   * unavailable.
   */
  async planOf(s: Statement): Promise<string[] | null> {
    const now = elapsedMillis()
    if (now - this.#anyAt < limits.anyPlanMillis) return null
    if (now - (this.#askedAt.get(s.name) ?? -Infinity) < limits.planMillis) return null
    this.#anyAt = now
    this.#askedAt.set(s.name, now)
    const asking = this.#ask(s)
    this.#underWay = asking.catch(() => undefined)
    return asking
  }

  async close(): Promise<void> {
    await this.#underWay
  }

  async #ask({ text }: Statement): Promise<string[]> {
    const millis = limits.healthCheckMillis
    const client = new pg.Client({
      connectionString: this.#url,
      connectionTimeoutMillis: millis,
      query_timeout: millis,
      application_name: 'qtable plans',
    })
    client.on('error', () => undefined)
    await client.connect()
    try {
      await client.query('begin read only')
      await client.query(
        `select set_config('role', '${ROLE}', true), set_config('search_path', 'qtable, pg_temp', true),
           set_config('plan_cache_mode', 'force_generic_plan', true), set_config('statement_timeout', '${millis}', true)`,
      )
      await client.query(`prepare slow as ${text}`)
      const values = Array.from({ length: parametersOf(text) }, () => 'null').join(', ')
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `explain execute slow${values === '' ? '' : `(${values})`}`,
      )
      return rows.map((row) => row['QUERY PLAN'])
    } finally {
      await client.end()
    }
  }
}

/** The number of values of a statement. */
const parametersOf = (text: string): number =>
  Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)))

import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { elapsedMillis } from '../platform/clock.ts'
import type { Db } from '../platform/database/db.ts'
import { limits } from '../platform/limits.ts'
import type { Topics } from '../platform/redis.ts'
import { statement } from '../platform/database/statement.ts'
import type { Hub } from '../changes/hub/hub.ts'

/** The result of one check. `degraded`: slower than it should be, but correct. */
export interface Check {
  readonly status: 'ok' | 'degraded' | 'failed'
  readonly [fact: string]: string | number
}

/** The combined result of the checks. */
export interface Health {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, Check>>
}

/** What the checks need. */
export interface HealthDeps {
  readonly db: Db
  readonly hub: Hub
  readonly redis: Topics | null
}

const ask = statement('check-health', 'select 1 as alive')

/**
 * Says whether this server can do its work. However many ask, the database is asked at most once a second. Spec: M2.
 */
export class HealthChecks {
  readonly #deps: HealthDeps
  #last: Promise<Health> | null = null
  #lastAt = -Infinity
  #draining = false

  constructor(deps: HealthDeps) {
    this.#deps = deps
  }

  /** The server is stopping and no longer ready. */
  drain(): void {
    this.#draining = true
  }

  /** Never rejects. */
  async look(): Promise<Health> {
    if (!this.#last || elapsedMillis() - this.#lastAt >= limits.healthMillis) {
      this.#lastAt = elapsedMillis()
      this.#last = this.#check()
    }
    const health = await this.#last
    const checks = { server: { status: this.#draining ? 'failed' : 'ok' }, ...health.checks } as const
    return { ready: health.ready && !this.#draining, checks }
  }

  async #check(): Promise<Health> {
    const database = await this.#database()
    const redis = this.#redis()
    const log = this.#log()
    const checks = { database, log, ...(redis && { redis }) }
    return { ready: Object.values(checks).every(({ status }) => status !== 'failed'), checks }
  }

  async #database(): Promise<Check> {
    const began = elapsedMillis()
    const asked = this.#deps.db
      .transaction({ watched: [] }, (tx) => tx.one(ask, []))
      .then(
        () => true,
        () => false,
      )
    const end = new AbortController()
    const late = sleep(limits.healthCheckMillis, false, { signal: end.signal, ref: false }).catch(() => false)
    const reached = await Promise.race([asked, late])
    end.abort()
    return { status: reached ? 'ok' : 'failed', ms: Math.round(elapsedMillis() - began) }
  }

  /** Redis is never required: without it, hints of other servers' changes arrive later. */
  #redis(): Check | null {
    const { redis } = this.#deps
    return redis && { status: redis.figures.connected ? 'ok' : 'degraded' }
  }

  #log(): Check {
    const { changes, seconds } = this.#deps.hub.lag
    const status = seconds * 1000 >= limits.readyLagMillis ? 'failed' : 'ok'
    return { status, lagChanges: changes, lagSeconds: Math.round(seconds * 1000) / 1000 }
  }
}

/** /health/live and /health/ready. They need no token and reveal only the results of the checks. */
export function mountHealth(server: FastifyInstance, checks: HealthChecks): void {
  server.get('/health/live', async (_, reply) => reply.header('cache-control', 'no-store').send({ status: 'live' }))
  server.get('/health/ready', async (_, reply) => {
    const { ready, checks: found } = await checks.look()
    if (!ready) void reply.header('retry-after', '1')
    return reply
      .code(ready ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: ready ? 'ready' : 'not ready', checks: found })
  })
}

import { z } from 'zod'
import { limits } from '../platform/limits.ts'
import { instantOfMicros, microsOf, plusMillis, type Instant } from '../platform/clock.ts'
import type { Shape } from '../changes/answers/answers.ts'
import { horizonAt } from '../changes/floor/live-floor.ts'
import type { Context } from '../changes/command/command.ts'
import { execute } from '../changes/command/execute.ts'
import { ask, askAt } from '../changes/query.ts'
import { getFloor } from '../floor/get-floor.ts'
import { getFloorSince } from '../floor/get-floor-since.ts'
import { runEach } from '../floor/run-each.ts'
import type { Guest } from '../guests/guests.ts'
import type { Table } from '../tables/tables.ts'
import { linesOf } from './batch/error-lines.ts'
import { detail } from './errors.ts'
import { floorReaches, syncGuestForm, syncTableForm } from './kept-answers/floor-shapes.ts'
import { field, parseModel, ValidationError } from './pydantic/pydantic.ts'
import { route, type IosDeps, type ShapeDeps } from './route.ts'
import {
  id,
  minutesBetween,
  naiveTime,
  syncGuestJson,
  syncGuestShape,
  syncTableJson,
  syncTableShape,
  zuluTime,
} from './shapes.ts'
import { arrayOf, MINUTES, sheetOf, type Line } from './kept-answers/kept-lines.ts'
import { syncOperation, type SyncUpdate } from './batch/sync-operations.ts'
import { naive, zulu } from './times.ts'

const restaurant = field.str({ max: 100 })
const HOUR_MICROS = 3_600_000_000

export const syncFull = route({
  method: 'GET',
  path: '/api/sync/full',
  name: 'syncFull',
  summary: 'The whole floor',
  tag: 'sync',
  access: 'query',
  query: field.model({ restaurant_id: restaurant }),
  answer: z.object({
    restaurant_id: id,
    timestamp: zuluTime,
    guests: z.array(syncGuestShape),
    tables: z.array(syncTableShape),
    total_guests: z.int(),
    total_tables: z.int(),
  }),
  shape: (deps) => fullSyncShape(deps),
})

/** Changes as the endpoint and the sync socket send them. */
export const deltaFields = {
  current_timestamp: zuluTime,
  changes: z.array(
    z.object({
      entity_type: z.enum(['guest', 'table']),
      entity_id: id,
      action: z.enum(['update', 'delete']),
      timestamp: naiveTime,
      data: z.union([syncGuestShape, syncTableShape, z.object({ id })]),
    }),
  ),
  has_more: z.boolean(),
}

export const syncDelta = route({
  method: 'GET',
  path: '/api/sync/delta',
  name: 'syncDelta',
  summary: 'Changes after a time that the server gave out, with deletions. current_timestamp continues after the page',
  tag: 'sync',
  access: 'query',
  query: field.model({
    restaurant_id: restaurant,
    since: field.str({ max: 100 }),
    limit: field.withDefault(field.int({ min: 0 }), 100),
  }),
  answer: z.object({ since_timestamp: z.string(), ...deltaFields }),
  refusals: [400],
  async handle({ deps, context, query }) {
    const since = instantOf(query.since)
    return { since_timestamp: query.since, ...(await deltaSync(deps, context, since, query.limit)) }
  },
})

export const syncBatch = route({
  method: 'POST',
  path: '/api/sync/batch',
  name: 'syncBatch',
  summary: 'Many updates: those that succeed',
  tag: 'sync',
  access: 'query',
  query: field.model({ restaurant_id: restaurant }),
  body: field.model({
    updates: field.list(
      field.model({ entity_type: field.str({ max: 20 }), entity_id: field.str({ max: 100 }), data: field.dict() }),
      { max: limits.listItems },
    ),
    timestamp: field.str({ max: 100 }),
  }),
  answer: z.object({
    success: z.boolean(),
    processed_count: z.int(),
    failed_count: z.int(),
    errors: z.array(z.string()),
    timestamp: zuluTime,
  }),
  async handle({ deps, context, body }) {
    const errors: string[] = []
    const planned = body.updates.flatMap((update: SyncUpdate) => {
      const operation = syncOperation(update)
      if (typeof operation === 'string') errors.push(operation)
      return typeof operation === 'string' ? [] : [{ update, operation }]
    })
    const operations = planned.map(({ operation }) => operation)
    const { result } = await execute(deps, runEach, context, { operations })
    for (const [i, each] of result.results.entries()) {
      const { entity_type: type, entity_id: id } = planned[i]!.update
      errors.push(...linesOf(each, type === 'guest' ? 'Guest' : 'Table', id))
    }
    return {
      success: errors.length === 0,
      processed_count: body.updates.length - errors.length,
      failed_count: errors.length,
      errors,
      timestamp: zulu(deps.clock.now()),
    }
  },
})

/**
 * The whole floor in /api/sync. `timestamp` is the newest change in it. It contains the waiting times of guests, so
 * it changes every minute.
 */
export function fullSyncShape(deps: ShapeDeps): Shape {
  const { historyDays } = deps
  const headOf = (restaurantId: string, at: Instant) =>
    `{"restaurant_id":"${restaurantId}","timestamp":"${zulu(at)}","guests":[`
  const endOf = (guests: number, tables: number) => `],"total_guests":${guests},"total_tables":${tables}}`
  const key = 'full sync'
  return {
    key,
    fromFloor: floorReaches(deps)
      ? ({ restaurantId, floor }, now) => {
          const sheet = sheetOf(floor, key)
          const guests = sheet.section(floor, syncGuestForm, { horizon: horizonAt(now, historyDays), now })
          const tables = sheet.section(floor, syncTableForm, { horizon: now, now })
          const [head, end] = [headOf(restaurantId, floor.standing.at), endOf(guests.rows.length, tables.rows.length)]
          const until = instantOfMicros(Math.min(guests.until, microsOf(now) + HOUR_MICROS))
          return { body: sheet.write(head, guests, '],"tables":[', tables, end), until, mark: String(guests.minutes) }
        }
      : null,
    async fromDatabase(restaurantId, minSeq) {
      const { place, result: floor } = await askAt(deps, getFloor, restaurantId, { historyDays }, minSeq)
      const { lines, ...clock } = waited(floor.guests.map(syncGuestForm.write), deps.clock.now())
      const [guests, tables] = [arrayOf(lines), arrayOf(floor.tables.map(syncTableForm.write))]
      const head = headOf(restaurantId, floor.at)
      const end = endOf(floor.guests.length, floor.tables.length)
      return { place, body: `${head.slice(0, -1)}${guests},"tables":${tables.slice(0, -1)}${end}`, ...clock }
    },
  }
}

type SyncLine = Pick<Line, 'text' | 'counts'>

/**
 * Lines with the minutes that have passed, the time until which they hold, and their sum. At one place in the log,
 * the sum identifies the state of the clock.
 */
function waited(open: readonly SyncLine[], now: Instant): { lines: SyncLine[]; until: Instant; mark: string } {
  let sum = 0
  let until = plusMillis(now, 3_600_000)
  const lines = open.map((line) => {
    if (line.counts === null) return line
    const minutes = minutesBetween(line.counts, now)
    sum += minutes
    const next = plusMillis(line.counts, (minutes + 1) * 60_000)
    if (next < until) until = next
    return { ...line, text: line.text.replace(MINUTES, String(minutes)) }
  })
  return { lines, until, mark: String(sum) }
}

/** The changes after a time, in /api/sync. */
export async function deltaSync(
  deps: Pick<IosDeps, 'db' | 'clock' | 'historyDays'>,
  context: Context,
  since: Instant,
  limit: number,
) {
  const { historyDays } = deps
  const max = Math.min(limit, limits.guestsPerList)
  const { items, upTo, hasMore } = await ask(deps, getFloorSince, context, { since, limit: max, historyDays })
  const now = deps.clock.now()
  const dataOf = (kind: string, value: object) =>
    kind === 'guest' ? syncGuestJson(value as Guest, now) : syncTableJson(value as Table)
  const changes = items.map(({ kind, id, at, value }) => ({
    entity_type: kind,
    entity_id: id,
    action: value === null ? 'delete' : 'update',
    timestamp: naive(at),
    data: value === null ? { id } : dataOf(kind, value),
  }))
  return { current_timestamp: zulu(upTo), changes, has_more: hasMore }
}

/** A time in the app's format. Here its error is a 400, not a 422. */
export function instantOf(text: string): Instant {
  try {
    // Elsewhere a bare number counts as seconds. The old server did not accept it here.
    if (/^[\d.]+$/.test(text)) throw new ValidationError([])
    return parseModel(field.model({ since: field.datetime() }), { since: text }, 'query').since
  } catch (error) {
    if (error instanceof ValidationError) throw detail(400, 'Invalid timestamp format. Use ISO 8601 format.')
    throw error
  }
}

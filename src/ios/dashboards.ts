import { z } from 'zod'
import type { Shape } from '../changes/answers.ts'
import { horizonAt } from '../changes/live-floor.ts'
import { ask, askAt } from '../changes/query.ts'
import { limits } from '../platform/limits.ts'
import type { Instant } from '../platform/clock.ts'
import { getFloor } from '../guests/get-floor.ts'
import { getFloorSince } from '../guests/get-floor-since.ts'
import type { Guest } from '../guests/guests.ts'
import type { Table } from '../tables/tables.ts'
import {
  floorReaches,
  guestForm,
  minimalGuestForm,
  minimalGuestJson,
  minimalTableForm,
  minimalTableJson,
  tableForm,
} from './floor-shapes.ts'
import { field } from './pydantic.ts'
import { route, type Call, type ShapeDeps } from './route.ts'
import {
  guestJson,
  guestShape,
  guestStatus,
  id,
  naiveTime,
  positionShape,
  tableJson,
  tableShape,
  tableStatus,
} from './shapes.ts'
import { arrayOf, linesOn, type Line } from './sheet.ts'
import { naive } from './times.ts'

const minimalGuest = z.object({
  id,
  name: z.string(),
  status: guestStatus,
  tableId: id.nullable(),
  partySize: z.int().nullable(),
  lastUpdated: naiveTime,
})
const minimalTable = z.object({
  id,
  tableNumber: z.string(),
  capacity: z.int(),
  position: positionShape,
  status: tableStatus,
  currentGuestId: id.nullable(),
  lastUpdated: naiveTime,
})
const dashboard = z
  .object({
    guests: z.array(z.union([minimalGuest, guestShape])),
    tables: z.array(z.union([minimalTable, tableShape])),
    stats: z.object({
      total_guests: z.int(),
      total_tables: z.int(),
      occupancy_rate: z.number(),
      guests_by_status: z.partialRecord(guestStatus, z.int()),
      tables_by_status: z.partialRecord(tableStatus, z.int()),
    }),
    lastUpdated: naiveTime,
    isFullSync: z.boolean(),
  })
  .meta({ id: 'DashboardData' })

const query = field.model({
  since: field.optional(field.datetime()),
  minimal: field.withDefault(field.bool(), true),
})

type Asked = Call<unknown, z.output<typeof query>>

const dashboardRoute = (path: string, name: string, access: 'own' | 'restaurant') =>
  route({
    method: 'GET',
    path,
    name,
    summary:
      'Guests, tables and their numbers; with since only what changed after it; minimal=false gives whole objects',
    tag: 'dashboards',
    access,
    query,
    answer: dashboard,
    shape: (deps, { since, minimal }) => (since === undefined ? dashboardShape(deps, minimal) : null),
    handle: (call: Asked) => changesOnDashboard(call, call.query.since!),
  })

export const dashboardData = dashboardRoute('/api/v1/dashboard/data', 'dashboardData', 'own')
export const restaurantDashboard = dashboardRoute(
  '/restaurants/:restaurantId/dashboard-data',
  'restaurantDashboard',
  'restaurant',
)
export const v1Dashboard = dashboardRoute('/api/v1/dashboard/:restaurantId/dashboard-data', 'v1Dashboard', 'restaurant')

export const dashboardUpdates = route({
  method: 'GET',
  path: '/api/v1/dashboard/:restaurantId/updates',
  name: 'dashboardUpdates',
  summary: 'What changed after a time, deletions too',
  tag: 'dashboards',
  access: 'restaurant',
  query: field.model({ since: field.datetime() }),
  answer: z.object({
    guestUpdates: z.array(z.object({ id, action: z.literal('updated'), data: minimalGuest, lastUpdated: naiveTime })),
    tableUpdates: z.array(z.object({ id, action: z.literal('updated'), data: minimalTable, lastUpdated: naiveTime })),
    deletedGuests: z.array(id),
    deletedTables: z.array(id),
    timestamp: naiveTime,
  }),
  async handle(call) {
    const { guests, tables, gone, upTo } = await changedSince(call, call.query.since)
    const update = <T extends { id: string; lastUpdated: string }>(data: T) => ({
      id: data.id,
      action: 'updated',
      data,
      lastUpdated: data.lastUpdated,
    })
    return {
      guestUpdates: guests.map((guest) => update(minimalGuestJson(guest))),
      tableUpdates: tables.map((table) => update(minimalTableJson(table))),
      deletedGuests: gone('guest'),
      deletedTables: gone('table'),
      timestamp: naive(upTo),
    }
  },
})

/** The whole dashboard. Its time is that of the newest change in it, so that "since" that time continues exactly where it ends. */
function dashboardShape(deps: ShapeDeps, minimal: boolean): Shape {
  const { historyDays } = deps
  const [guests, tables] = minimal ? [minimalGuestForm, minimalTableForm] : [guestForm, tableForm]
  const whole = (floor: { guests: Written; tables: Written; at: Instant }): string => {
    const stats = statsOf(floor.guests.words, floor.tables.words)
    return `{"guests":${floor.guests.text},"tables":${floor.tables.text},"stats":${JSON.stringify(stats)},"lastUpdated":"${naive(floor.at)}","isFullSync":true}`
  }
  return {
    key: minimal ? 'dashboard' : 'dashboard whole',
    fromFloor: floorReaches(deps)
      ? (live, now) => ({
          text: whole({
            guests: writtenLines(linesOn(live, guests, horizonAt(now, historyDays))),
            tables: writtenLines(linesOn(live, tables, now)),
            at: live.floor.standing.at,
          }),
        })
      : null,
    async fromDatabase(restaurantId, minSeq) {
      const { place, result: floor } = await askAt(deps, getFloor, restaurantId, { historyDays }, minSeq)
      const text = whole({
        guests: writtenLines(floor.guests.map(guests.write)),
        tables: writtenLines(floor.tables.map(tables.write)),
        at: floor.at,
      })
      return { place, text }
    },
  }
}

interface Written {
  readonly text: string
  readonly words: readonly string[]
}

const writtenLines = (lines: readonly Pick<Line, 'text' | 'word'>[]): Written => ({
  text: arrayOf(lines),
  words: lines.map(({ word }) => word),
})

/** What changed after a time, as the dashboard. */
async function changesOnDashboard(call: Asked, since: Instant): Promise<z.output<typeof dashboard>> {
  const { minimal } = call.query
  const { guests, tables, upTo } = await changedSince(call, since)
  return {
    guests: guests.map((guest) => (minimal ? minimalGuestJson(guest) : guestJson(guest))),
    tables: tables.map((table) => (minimal ? minimalTableJson(table) : tableJson(table))),
    stats: { total_guests: 0, total_tables: 0, occupancy_rate: 0, guests_by_status: {}, tables_by_status: {} },
    lastUpdated: naive(upTo),
    isFullSync: false,
  }
}

/** What changed after a time: guests newest first, tables by number as text, as the whole lists are. */
async function changedSince({ deps, context }: Pick<Asked, 'deps' | 'context'>, since: Instant) {
  const { historyDays } = deps
  const { items, upTo } = await ask(deps, getFloorSince, context, { since, historyDays, limit: limits.guestsPerList })
  const values = (kind: string) =>
    items.filter((item) => item.kind === kind && item.value !== null).map(({ value }) => value)
  const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  return {
    guests: (values('guest') as Guest[]).sort((a, b) => byText(b.createdAt + b.id, a.createdAt + a.id)),
    tables: (values('table') as Table[]).sort((a, b) => byText(a.number, b.number) || byText(a.id, b.id)),
    gone: (kind: string) => items.filter((item) => item.kind === kind && item.value === null).map(({ id }) => id),
    upTo,
  }
}

function statsOf(guests: readonly string[], tables: readonly string[]) {
  const count = (words: readonly string[]) => {
    const found: Record<string, number> = {}
    for (const word of words) found[word] = (found[word] ?? 0) + 1
    return found
  }
  const tablesByStatus = count(tables)
  const occupied = tablesByStatus['occupied'] ?? 0
  return {
    total_guests: guests.length,
    total_tables: tables.length,
    occupancy_rate: tables.length === 0 ? 0 : Math.round((occupied / tables.length) * 100) / 100,
    guests_by_status: count(guests),
    tables_by_status: tablesByStatus,
  }
}

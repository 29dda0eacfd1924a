import { z } from 'zod'
import { ask } from '../changes/query.ts'
import { limits } from '../platform/limits.ts'
import type { Instant } from '../platform/clock.ts'
import { getFloor, type Floor } from '../guests/get-floor.ts'
import { getFloorSince } from '../guests/get-floor-since.ts'
import type { Guest } from '../guests/guests.ts'
import type { Table } from '../tables/tables.ts'
import { field } from './pydantic.ts'
import { route, type Call } from './route.ts'
import {
  fullName,
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
import { guestWords, tableWords } from './statuses.ts'
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

const dashboardRoute = (path: string, name: string, access: 'identity' | 'restaurant') =>
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
    handle: (call: Asked) => dashboardOf(call),
  })

export const dashboardData = dashboardRoute('/api/v1/dashboard/data', 'dashboardData', 'identity')
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

async function dashboardOf(call: Asked): Promise<z.output<typeof dashboard>> {
  const { since, minimal } = call.query
  const guestForm = (guest: Guest) => (minimal ? minimalGuestJson(guest) : guestJson(guest))
  const tableForm = (table: Table) => (minimal ? minimalTableJson(table) : tableJson(table))
  if (since !== undefined) {
    const { guests, tables, upTo } = await changedSince(call, since)
    return {
      guests: guests.map(guestForm),
      tables: tables.map(tableForm),
      stats: { total_guests: 0, total_tables: 0, occupancy_rate: 0, guests_by_status: {}, tables_by_status: {} },
      lastUpdated: naive(upTo),
      isFullSync: false,
    }
  }
  const floor = await ask(call.deps, getFloor, call.context, { historyDays: call.deps.historyDays })
  return {
    guests: floor.guests.map(guestForm),
    tables: floor.tables.map(tableForm),
    stats: statsOf(floor),
    // The time of the newest change in here, so that "since" this continues exactly where this ends.
    lastUpdated: naive(floor.at),
    isFullSync: true,
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

const minimalGuestJson = (g: Guest): z.output<typeof minimalGuest> => ({
  id: g.id,
  name: fullName(g) || 'Unknown Guest',
  status: guestWords[g.status],
  tableId: g.tableId,
  partySize: g.partySize,
  lastUpdated: naive(g.updatedAt),
})

const minimalTableJson = (t: Table): z.output<typeof minimalTable> => {
  const { id, tableNumber, capacity, position, status, currentGuestId, lastUpdated } = tableJson(t)
  return { id, tableNumber, capacity, position, status, currentGuestId, lastUpdated }
}

function statsOf({ guests, tables }: Floor) {
  const count = (words: readonly string[]) => {
    const found: Record<string, number> = {}
    for (const word of words) found[word] = (found[word] ?? 0) + 1
    return found
  }
  const occupied = tables.filter(({ status }) => status === 'occupied').length
  return {
    total_guests: guests.length,
    total_tables: tables.length,
    occupancy_rate: tables.length === 0 ? 0 : Math.round((occupied / tables.length) * 100) / 100,
    guests_by_status: count(guests.map(({ status }) => guestWords[status])),
    tables_by_status: count(tables.map(({ status }) => tableWords[status])),
  }
}

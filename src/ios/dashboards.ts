import { z } from 'zod'
import type { Shape } from '../changes/answers/answers.ts'
import { horizonAt } from '../changes/floor/live-floor.ts'
import { ask, askAt } from '../changes/query.ts'
import { limits } from '../platform/limits.ts'
import type { Instant } from '../platform/clock.ts'
import { getFloor } from '../floor/get-floor.ts'
import { getFloorSince } from '../floor/get-floor-since.ts'
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
} from './kept-answers/floor-shapes.ts'
import { field } from './pydantic/pydantic.ts'
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
import { arrayOf, sheetOf, type Line } from './kept-answers/kept-lines.ts'
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
      'Guests, tables and their counts. With since, only what changed after it; with minimal=false, whole objects',
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
  summary: 'Changes after a time, deletions included',
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

/**
 * The whole dashboard. Its time is that of the newest change in it, so a request "since" that time continues exactly
 * where it ends.
 */
function dashboardShape(deps: ShapeDeps, minimal: boolean): Shape {
  const { historyDays } = deps
  const [guests, tables] = minimal ? [minimalGuestForm, minimalTableForm] : [guestForm, tableForm]
  const key = minimal ? 'dashboard' : 'dashboard whole'
  return {
    key,
    fromFloor: floorReaches(deps)
      ? ({ floor }, now) => {
          const sheet = sheetOf(floor, key)
          const people = sheet.section(floor, guests, { horizon: horizonAt(now, historyDays), now })
          const places = sheet.section(floor, tables, { horizon: now, now })
          const end = endOf(people.words, places.words, floor.standing.at)
          return { body: sheet.write('{"guests":[', people, '],"tables":[', places, '],', end) }
        }
      : null,
    async fromDatabase(restaurantId, minSeq) {
      const { place, result: floor } = await askAt(deps, getFloor, restaurantId, { historyDays }, minSeq)
      const [people, places] = [floor.guests.map(guests.write), floor.tables.map(tables.write)]
      const end = endOf(wordsOf(people), wordsOf(places), floor.at)
      return { place, body: `{"guests":${arrayOf(people)},"tables":${arrayOf(places)},${end}` }
    },
  }
}

/** The part of a dashboard after its lists. */
const endOf = (guests: ReadonlyMap<string, number>, tables: ReadonlyMap<string, number>, at: Instant): string =>
  `"stats":${JSON.stringify(statsOf(guests, tables))},"lastUpdated":"${naive(at)}","isFullSync":true}`

/** The number of lines with each word, in the order of the first of each. */
function wordsOf(lines: readonly Pick<Line, 'word'>[]): Map<string, number> {
  const found = new Map<string, number>()
  for (const { word } of lines) found.set(word, (found.get(word) ?? 0) + 1)
  return found
}

/** The changes after a time, in the dashboard's format. */
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

/** The changes after a time: guests newest first, tables by number as text, like the whole lists. */
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

function statsOf(guests: ReadonlyMap<string, number>, tables: ReadonlyMap<string, number>) {
  const all = (words: ReadonlyMap<string, number>) => [...words.values()].reduce((sum, count) => sum + count, 0)
  const [occupied, total] = [tables.get('occupied') ?? 0, all(tables)]
  return {
    total_guests: all(guests),
    total_tables: total,
    occupancy_rate: total === 0 ? 0 : Math.round((occupied / total) * 100) / 100,
    guests_by_status: Object.fromEntries(guests),
    tables_by_status: Object.fromEntries(tables),
  }
}

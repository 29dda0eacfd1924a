import type { z } from 'zod'
import { completed, type Given } from '../../changes/input.ts'
import { askAt, type Place, type Query } from '../../changes/query.ts'
import type { Written } from '../../changes/answers/answers.ts'
import type { Guest } from '../../guests/guests.ts'
import type { Table } from '../../tables/tables.ts'
import type { ShapeDeps } from '../route.ts'
import { fullName, guestJson, syncGuestJson, syncTableJson, tableJson, waitsSince } from '../shapes.ts'
import { byNumber, MINUTES, newestFirst, type Form } from './kept-lines.ts'
import { guestWords, tableWords } from '../../old-backend/statuses.ts'
import { naive } from '../times.ts'

/** How each shape of the contract writes the guests and tables of the floor. */

/** A guest in lists. */
export const guestForm: Form<Guest> = {
  ...newestFirst,
  write: (guest) => ({ text: JSON.stringify(guestJson(guest)), word: guestWords[guest.status], counts: null }),
}

/** A table in lists. */
export const tableForm: Form<Table> = {
  ...byNumber,
  write: (table) => ({ text: JSON.stringify(tableJson(table)), word: tableWords[table.status], counts: null }),
}

/** A guest in dashboards. */
export const minimalGuestJson = (g: Guest) => ({
  id: g.id,
  name: fullName(g) || 'Unknown Guest',
  status: guestWords[g.status],
  tableId: g.tableId,
  partySize: g.partySize,
  lastUpdated: naive(g.updatedAt),
})

/** A table in dashboards. */
export const minimalTableJson = (t: Table) => {
  const { id, tableNumber, capacity, position, status, currentGuestId, lastUpdated } = tableJson(t)
  return { id, tableNumber, capacity, position, status, currentGuestId, lastUpdated }
}

export const minimalGuestForm: Form<Guest> = {
  ...newestFirst,
  write: (guest) => ({ ...guestForm.write(guest), text: JSON.stringify(minimalGuestJson(guest)) }),
}

export const minimalTableForm: Form<Table> = {
  ...byNumber,
  write: (table) => ({ ...tableForm.write(table), text: JSON.stringify(minimalTableJson(table)) }),
}

/** A guest in sync, with a placeholder for its waiting time. */
export const syncGuestForm: Form<Guest> = {
  ...newestFirst,
  write(guest) {
    const counts = waitsSince(guest)
    const json = { ...syncGuestJson(guest, guest.updatedAt), ...(counts && { waitTime: MINUTES }) }
    const text = JSON.stringify(json)
    return { text: counts ? text.replace(JSON.stringify(MINUTES), MINUTES) : text, word: json.status, counts }
  },
}

/** A table in sync. */
export const syncTableForm: Form<Table> = {
  ...byNumber,
  write: (table) => ({ text: JSON.stringify(syncTableJson(table)), word: '', counts: null }),
}

/** Whether the floor in memory reaches back as far as lists do. */
export const floorReaches = ({ historyDays, floorDays }: ShapeDeps): boolean => historyDays === floorDays

/** The answer of a query as JSON, with its place in the log. */
export async function written<Input extends z.ZodObject, Result>(
  deps: ShapeDeps,
  q: Query<Input, Result>,
  restaurantId: string,
  given: Given<Input>,
  minSeq: number,
  json: (result: Result) => unknown,
): Promise<Written & { readonly place: Place }> {
  const { place, result } = await askAt(deps, q, restaurantId, completed(q.input, given), minSeq)
  return { place, body: JSON.stringify(json(result)) }
}

import { z } from 'zod'
import { isId } from '../../platform/ids.ts'
import { operation, type Operation } from '../../floor/run-batch.ts'
import { updateTable } from '../../floor/update-table.ts'
import type { Guest } from '../../guests/guests.ts'
import { updateGuest } from '../../guests/update-guest.ts'
import { writtenDatetime } from '../pydantic/datetime.ts'
import { check, field } from '../pydantic/pydantic.ts'
import type { guestJson } from '../shapes.ts'
import {
  GUEST_SPELLINGS,
  partyStatusOf,
  POST_GUEST_WORDS,
  TABLE_INPUT,
  tableStatusOf,
} from '../../old-backend/statuses.ts'
import { INSISTING } from '../insisting.ts'

/**
 * The items of batch-update, in either spelling of the fields. If both spellings are sent, the camelCase one counts.
 */

const { maybe } = field
const text = maybe(field.str({ max: 100 }))
// An empty time counts as missing.
const time = z.preprocess((value) => (value === '' ? null : value), maybe(field.datetime()))
const status = check(
  field.str({ max: 20 }),
  (word) => partyStatusOf(word) !== undefined,
  `status must be one of: ${POST_GUEST_WORDS.join(', ')}`,
  { enum: GUEST_SPELLINGS },
)

export const batchGuestItem = field.model({
  id: field.str({ max: 100 }),
  status: maybe(status),
  assignedTableId: text,
  table_id: text,
  seatedTime: time,
  seated_time: time,
  checkInTime: time,
  check_in_time: time,
  finishedTime: time,
  finished_time: time,
  partySize: maybe(field.int()),
  party_size: maybe(field.int()),
})

export const batchTableItem = field.model({
  id: field.str({ max: 100 }),
  status: maybe(field.oneOf(TABLE_INPUT, { also: ['needs_cleaning'] })),
  currentGuestId: text,
  current_guest_id: text,
})

type GuestItem = z.output<typeof batchGuestItem>
type TableItem = z.output<typeof batchTableItem>

/** The command for a guest's item, or its line of `errors`. */
export function batchGuestOperation(item: GuestItem): Operation | string {
  if (!isId(item.id)) return `Guest ${item.id} not found`
  const table = item.assignedTableId === undefined ? item.table_id : item.assignedTableId
  if (table && !isId(table)) return `Table ${table} not found`
  const size = item.partySize ?? item.party_size
  return operation(updateGuest, {
    guestId: item.id,
    status: item.status ? partyStatusOf(item.status) : undefined,
    // Empty and null take the guest off the table. A missing field changes nothing.
    tableId: table === undefined ? undefined : table || null,
    seatedTime: item.seatedTime ?? item.seated_time ?? undefined,
    checkInTime: item.checkInTime ?? item.check_in_time ?? undefined,
    finishedTime: item.finishedTime ?? item.finished_time ?? undefined,
    partySize: size !== undefined && size !== null && size > 0 ? size : undefined,
    ...INSISTING,
  })
}

/** The command for a table's item, or its line of `errors`. */
export function batchTableOperation(item: TableItem): Operation | string {
  if (!isId(item.id)) return `Table ${item.id} not found`
  const party = item.currentGuestId ?? item.current_guest_id
  if (party && !isId(party)) return `Guest ${party} not found`
  return operation(updateTable, {
    tableId: item.id,
    status: item.status ? tableStatusOf(item.status) : undefined,
    partyId: party === '' ? null : (party ?? undefined),
    ...INSISTING,
  })
}

/** The guest with the times that `raw`, the item as it was sent, contains: each in the zone in which it was sent. */
export function withSentTimes(
  guest: ReturnType<typeof guestJson>,
  stored: Guest,
  raw: unknown,
): ReturnType<typeof guestJson> {
  const item = raw as Record<string, unknown>
  const asSent = (time: 'checkInTime' | 'seatedTime' | 'finishedTime', snake: string) => {
    const sent = [item[time], item[snake]].find((value) => value !== undefined && value !== null && value !== '')
    const instant = stored[time]
    return sent === undefined || instant === null ? guest[time] : writtenDatetime(sent, instant)
  }
  return {
    ...guest,
    checkInTime: asSent('checkInTime', 'check_in_time'),
    seatedTime: asSent('seatedTime', 'seated_time'),
    finishedTime: asSent('finishedTime', 'finished_time'),
  }
}

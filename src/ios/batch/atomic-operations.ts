import type { Given } from '../../changes/input.ts'
import { operation, type Operation } from '../../floor/run-batch.ts'
import { updateTable } from '../../floor/update-table.ts'
import { addGuest } from '../../guests/add-guest.ts'
import { deleteGuest } from '../../guests/delete-guest.ts'
import { updateGuest } from '../../guests/update-guest.ts'
import { addTable } from '../../tables/add-table.ts'
import { removeTable } from '../../tables/remove-table.ts'
import { isId } from '../../platform/ids.ts'
import { TABLE_SHAPES } from '../../tables/rules.ts'
import { editedFacts } from '../guest-facts.ts'
import { anyStatus, contact, partySize } from '../guests.ts'
import { field, parseModel, ValidationError } from '../pydantic/pydantic.ts'
import { partyStatusOf, TABLE_INPUT, tableStatusOf } from '../../old-backend/statuses.ts'
import { onPlan } from '../../old-backend/plan.ts'
import { INSISTING } from '../insisting.ts'

/** The operations of an atomic batch. Their data has the fields of the single calls, in either spelling. */

/** One operation as it was sent. */
export interface AtomicItem {
  readonly type: 'guest' | 'table'
  readonly id: string
  readonly operation: 'create' | 'update' | 'delete'
  readonly data?: Readonly<Record<string, unknown>> | null | undefined
}

const { maybe } = field
const text = (max: number) => maybe(field.str({ max }))

const guestData = field.model({
  first_name: text(100),
  last_name: text(100),
  party_size: maybe(partySize),
  status: maybe(anyStatus),
  ...contact,
})

const tableData = field.model({
  table_number: text(20),
  capacity: maybe(field.int()),
  status: maybe(field.oneOf(TABLE_INPUT, { also: ['needs_cleaning'] })),
  position: maybe(field.model({ x: field.float(), y: field.float() })),
  shape: maybe(field.oneOf(TABLE_SHAPES)),
  section: text(100),
  current_guest_id: text(100),
})

/** The command for an operation, or the reason why there is none. */
export function atomicOperation(item: AtomicItem): Operation | string {
  const { type, id, operation: wanted } = item
  if (wanted !== 'create' && !isId(id)) return `${type === 'guest' ? 'Guest' : 'Table'} ${id} not found`
  if (wanted === 'delete')
    return type === 'guest' ? operation(deleteGuest, { guestId: id }) : operation(removeTable, { tableId: id })
  try {
    return type === 'guest' ? guestOperation(item) : tableOperation(item)
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error
    return `${type} ${id}: ${error.detail.map(({ loc, msg }) => `${loc.slice(1).join('.')}: ${msg}`).join('; ')}`
  }
}

function guestOperation({ id, operation: wanted, data }: AtomicItem): Operation | string {
  const sent = parseModel(guestData, snakeCase(data ?? {}, { assignedTableId: 'table_id' }), 'body')
  const table = sent.table_id
  if (table && !isId(table)) return `Table ${table} not found`
  const input: Omit<Given<typeof updateGuest.input>, 'guestId'> = {
    ...INSISTING,
    firstName: sent.first_name ?? undefined,
    lastName: sent.last_name ?? undefined,
    partySize: sent.party_size ?? undefined,
    status: sent.status ? partyStatusOf(sent.status) : undefined,
    phone: sent.phone ?? undefined,
    email: sent.email ?? undefined,
    ...editedFacts(sent),
    tableId: table === undefined ? undefined : table || null,
    reservationTime: sent.reservation_time ?? undefined,
    checkInTime: sent.check_in_time ?? undefined,
    seatedTime: sent.seated_time ?? undefined,
    finishedTime: sent.finished_time ?? undefined,
  }
  if (wanted === 'update') return operation(updateGuest, { guestId: id, ...input })
  const { first_name: firstName, party_size: partySize } = sent
  if (firstName == null || partySize == null) return `guest ${id}: first_name and party_size are required`
  return operation(addGuest, { ...input, firstName, partySize, ...ownId(id) })
}

function tableOperation({ id, operation: wanted, data }: AtomicItem): Operation | string {
  const sent = parseModel(tableData, snakeCase(data ?? {}, { number: 'table_number' }), 'body')
  const party = sent.current_guest_id
  if (party && !isId(party)) return `Guest ${party} not found`
  const { table_number: number, capacity } = sent
  const place = sent.position ? onPlan(sent.position) : undefined
  const [shape, section] = [sent.shape ?? undefined, sent.section ?? undefined]
  if (wanted === 'create') {
    if (number == null || capacity == null) return `table ${id}: table_number and capacity are required`
    return operation(addTable, { number, capacity, x: 0.5, y: 0.5, ...place, shape, section, ...ownId(id) })
  }
  return operation(updateTable, {
    tableId: id,
    number: number ?? undefined,
    capacity: capacity ?? undefined,
    ...place,
    shape,
    section,
    status: sent.status ? tableStatusOf(sent.status) : undefined,
    partyId: party === '' ? null : (party ?? undefined),
    ...INSISTING,
  })
}

/** A UUID made by the device becomes the entity's id. Any other text was only a temporary name on the device. */
const ownId = (id: string): { id?: string } => (isId(id) ? { id } : {})

/** The data with the keys of the single calls. If both spellings of a field are sent, the camelCase one counts. */
function snakeCase(
  data: Readonly<Record<string, unknown>>,
  others: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const entries = Object.entries(data).map(([key, value]) => {
    const snake = others[key] ?? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    return { snake, value, isCamel: snake !== key }
  })
  return Object.fromEntries(
    entries.sort((a, b) => Number(a.isCamel) - Number(b.isCamel)).map(({ snake, value }) => [snake, value]),
  )
}

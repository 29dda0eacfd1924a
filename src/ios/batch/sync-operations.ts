import { isId } from '../../platform/ids.ts'
import { PHASES } from '../../parties/rules.ts'
import { operation, type Operation } from '../../floor/run-batch.ts'
import { updateTable } from '../../floor/update-table.ts'
import { updateGuest } from '../../guests/update-guest.ts'
import { field, parseModel, ValidationError } from '../pydantic/pydantic.ts'
import { onPlan } from '../../old-backend/plan.ts'
import { partyStatusOf } from '../../old-backend/statuses.ts'
import { INSISTING } from '../insisting.ts'

/** One update of a sync batch: an entity, or a part of one, in the words of /api/sync. */
export interface SyncUpdate {
  readonly entity_type: string
  readonly entity_id: string
  readonly data: Readonly<Record<string, unknown>>
}

const { str, int, float, model, maybe } = field

const guestData = model({
  name: maybe(str({ max: 201 })),
  partySize: maybe(int()),
  phoneNumber: maybe(str({ max: 20 })),
  email: maybe(str({ max: 255 })),
  status: maybe(str({ max: 20 })),
  tableId: maybe(str({ max: 100 })),
  notes: maybe(str({ max: 10_000 })),
})
const tableData = model({
  capacity: maybe(int()),
  status: maybe(field.oneOf(['available', 'occupied', 'reserved', 'needs_cleaning'])),
  position: maybe(model({ x: float(), y: float() })),
  currentGuestId: maybe(str({ max: 100 })),
})

/** The command for an update, or the reason why there is none. */
export function syncOperation(update: SyncUpdate): Operation | string {
  const { entity_type: type, entity_id: id } = update
  if (type !== 'guest' && type !== 'table') return `Unknown entity type ${type}`
  const name = type === 'guest' ? 'Guest' : 'Table'
  if (!isId(id)) return `${name} ${id} not found`
  try {
    return type === 'guest' ? guestOperation(update) : tableOperation(update)
  } catch (error) {
    if (error instanceof ValidationError)
      return `${name} ${id}: ${error.detail.map(({ loc, msg }) => `${loc.slice(1).join('.')}: ${msg}`).join('; ')}`
    throw error
  }
}

function guestOperation({ entity_id: guestId, data }: SyncUpdate): Operation | string {
  const sent = parseModel(guestData, data, 'body')
  const phase = PHASES.find((each) => each === sent.status)
  const status = sent.status && !phase ? partyStatusOf(sent.status) : undefined
  if (sent.status && !phase && !status) return `Guest ${guestId}: unknown status ${sent.status}`
  const table = sent.tableId
  if (table && !isId(table)) return `Table ${table} not found`
  return operation(updateGuest, {
    guestId,
    ...namesOf(sent.name),
    partySize: sent.partySize && sent.partySize > 0 ? sent.partySize : undefined,
    phone: sent.phoneNumber ?? undefined,
    email: sent.email === '' ? null : (sent.email ?? undefined),
    notes: sent.notes ?? undefined,
    status,
    phase,
    tableId: 'tableId' in data ? table || null : undefined,
    ...INSISTING,
  })
}

function namesOf(name: string | null | undefined): { firstName?: string; lastName?: string } {
  if (!name || name === 'Unknown Guest') return {}
  const [first = '', ...rest] = name.trim().split(/\s+/)
  // Cut between whole characters: half a surrogate pair is not valid text.
  const cut = (text: string) => Array.from(text).slice(0, 100).join('')
  return { firstName: cut(first), lastName: cut(rest.join(' ')) }
}

function tableOperation({ entity_id: tableId, data }: SyncUpdate): Operation | string {
  const sent = parseModel(tableData, data, 'body')
  const party = sent.currentGuestId
  if (party && !isId(party)) return `Guest ${party} not found`
  return operation(updateTable, {
    tableId,
    capacity: sent.capacity ?? undefined,
    status: sent.status ?? undefined,
    ...(sent.position && onPlan(sent.position)),
    partyId: party === '' ? null : (party ?? undefined),
    ...INSISTING,
  })
}

import type { Change, Entry } from '../../changes/log/log.ts'
import type { Guest } from '../../guests/guests.ts'
import type { GuestEvent, ReservationEvent } from '../../parties/rules.ts'
import type { Table } from '../../tables/tables.ts'
import type { TableEvent } from '../../tables/rules.ts'
import type { Reservation } from '../../reservations/reservations.ts'
import { fullName, reservationJson, syncGuestJson } from '../shapes.ts'
import { guestWords, tableWords } from '../../old-backend/statuses.ts'
import { socketTime } from '../times.ts'

/** The kinds of socket, by what they receive. `reservations` is realtime with reservations. */
export type Hearing = 'realtime' | 'reservations' | 'sync'

/**
 * The messages of a change for each kind of socket: one per entity, guests before tables. Ruling 16 of the contract.
 */
export type Messages = Readonly<Record<Hearing, readonly object[]>>

// A batch is announced item by item, and then as complete. The sync socket announces completion only for
// all-or-nothing batches.
const BATCHES = ['run-batch', 'run-each']

const guestActions: Record<Exclude<GuestEvent, 'deleted'>, string> = {
  created: 'created',
  edited: 'info_updated',
  'status-changed': 'status_changed',
  'table-changed': 'table_assigned',
  displaced: 'status_changed',
  cleared: 'status_changed',
  batched: 'status_changed',
}

const tableActions: Record<TableEvent, string> = {
  created: 'created',
  edited: 'updated',
  assigned: 'assigned',
  freed: 'cleared',
  cleared: 'cleared',
  batched: 'status_changed',
  deleted: 'deleted',
}

/** The messages of every kind of socket for one change. */
export function messagesOf(change: Change): Messages {
  const of = (kind: string) => change.entries.filter((entry) => entry.kind === kind)
  const guests = of('guest').map((entry) => realtimeGuest(change, entry))
  const tables = of('table').map((entry) => realtimeTable(change, entry))
  const done = BATCHES.includes(change.command) ? [batchDone(change)] : []
  return {
    realtime: [...guests, ...tables, ...done],
    reservations: [...guests, ...of('reservation').map((entry) => reservation(change, entry)), ...tables, ...done],
    sync: [
      ...of('guest').flatMap((entry) => syncGuest(change, entry)),
      ...of('table').map((entry) => syncTable(change, entry)),
      ...(change.command === 'run-batch' ? done : []),
    ],
  }
}

const ASKED_FOR = ['batched', 'created', 'deleted']

function batchDone(change: Change): object {
  const asked = (kind: string) =>
    change.entries
      .filter((entry) => entry.kind === kind && ASKED_FOR.includes(entry.event))
      .map(({ id }) => `${kind}-${id}`)
  return {
    type: 'atomic_transaction_complete',
    restaurant_id: change.restaurantId,
    timestamp: socketTime(change.at),
    affected_entities: [...asked('guest'), ...asked('table')],
  }
}

const reservationActions: Record<ReservationEvent, string> = {
  created: 'created',
  edited: 'info_updated',
  'status-changed': 'status_changed',
  'table-changed': 'table_assigned',
  'table-lost': 'table_cleared',
  cancelled: 'cancelled',
}

function reservation(change: Change, entry: Entry): object {
  return {
    type: 'reservation_updated',
    restaurant_id: change.restaurantId,
    reservation_id: entry.id,
    action: reservationActions[entry.event as ReservationEvent],
    timestamp: socketTime(change.at),
    data: reservationJson(entry.value as Reservation),
  }
}

function realtimeGuest(change: Change, entry: Entry): object {
  const ids = { restaurant_id: change.restaurantId, guest_id: entry.id }
  const timestamp = socketTime(change.at)
  if (entry.op === 'drop') return { type: 'guest_deleted', ...ids, timestamp, data: { id: entry.id } }
  const guest = entry.value as Guest
  const action = guestActions[entry.event as keyof typeof guestActions]
  const data = {
    id: guest.id,
    guestName: fullName(guest),
    firstName: guest.firstName,
    lastName: guest.lastName,
    partySize: guest.partySize,
    status: guestWords[guest.status],
    tableId: guest.tableId,
    email: guest.email ?? '',
    phone: guest.phone ?? '',
    notes: guest.notes ?? '',
  }
  return { type: action === 'created' ? 'guest_created' : 'guest_updated', ...ids, action, timestamp, data }
}

function realtimeTable(change: Change, entry: Entry): object {
  const table = entry.value as Table
  return {
    type: 'table_updated',
    restaurant_id: change.restaurantId,
    table_id: entry.id,
    action: tableActions[entry.event as TableEvent],
    timestamp: socketTime(change.at),
    data: {
      id: table.id,
      tableNumber: table.number,
      capacity: table.capacity,
      status: tableWords[table.status],
      position: { x: table.x, y: table.y },
      shape: table.shape,
      section: table.section,
      currentGuestId: table.guestId ?? table.reservationId,
      updatedAt: socketTime(entry.op === 'drop' ? change.at : table.updatedAt),
      ...(BATCHES.includes(change.command) && { x: table.x, y: table.y }),
    },
  }
}

/** The sync socket announces guests only when a table is cleared and when they are deleted, as the old server did. */
function syncGuest(change: Change, entry: Entry): object[] {
  const timestamp = socketTime(change.at)
  if (entry.op === 'drop') return [{ type: 'guest_deleted', timestamp, guest: null, table: null, guestId: entry.id }]
  if (entry.event !== 'cleared') return []
  const guest = syncGuestJson(entry.value as Guest, change.at)
  return [{ type: 'guest_updated', timestamp, guest, table: null, guestId: null }]
}

function syncTable(change: Change, entry: Entry): object {
  const table = entry.value as Table
  return {
    type: 'table_updated',
    restaurant_id: change.restaurantId,
    table_id: entry.id,
    action: ['cleared', 'batched'].includes(entry.event) ? 'updated' : tableActions[entry.event as TableEvent],
    timestamp: socketTime(change.at),
    data: {
      id: table.id,
      tableNumber: table.number,
      capacity: table.capacity,
      status: tableWords[table.status],
      position: { x: table.x, y: table.y },
      currentGuestId: table.guestId ?? table.reservationId,
      section: table.section,
    },
  }
}

import type { Change, Entry } from '../changes/log.ts'
import type { Guest, GuestEvent } from '../guests/guests.ts'
import type { Table, TableEvent } from '../tables/tables.ts'
import { fullName, syncGuestJson } from './shapes.ts'
import { guestWords, tableWords } from './statuses.ts'
import { socketTime } from './times.ts'

/** What each socket of the contract says of a change: one message an entity, guests before tables. Ruling 16 of the contract. */
export interface Messages {
  readonly realtime: readonly object[]
  readonly sync: readonly object[]
}

const guestActions: Record<Exclude<GuestEvent, 'deleted'>, string> = {
  created: 'created',
  edited: 'info_updated',
  'status-changed': 'status_changed',
  'table-changed': 'table_assigned',
  displaced: 'status_changed',
  cleared: 'status_changed',
}

const tableActions: Record<TableEvent, string> = {
  created: 'created',
  edited: 'updated',
  assigned: 'assigned',
  freed: 'cleared',
  cleared: 'cleared',
  deleted: 'deleted',
}

/** The messages of both sockets for one change. */
export function messagesOf(change: Change): Messages {
  const guests = change.entries.filter((entry) => entry.kind === 'guest')
  const tables = change.entries.filter((entry) => entry.kind === 'table')
  return {
    realtime: [
      ...guests.map((entry) => realtimeGuest(change, entry)),
      ...tables.map((entry) => realtimeTable(change, entry)),
    ],
    sync: [...guests.flatMap((entry) => syncGuest(change, entry)), ...tables.map((entry) => syncTable(change, entry))],
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
      currentGuestId: table.guestId,
      updatedAt: socketTime(entry.op === 'drop' ? change.at : table.updatedAt),
    },
  }
}

/** The sync socket tells of guests only when a table is cleared and when they are deleted, as it always did. */
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
    action: entry.event === 'cleared' ? 'updated' : tableActions[entry.event as TableEvent],
    timestamp: socketTime(change.at),
    data: {
      id: table.id,
      tableNumber: table.number,
      capacity: table.capacity,
      status: tableWords[table.status],
      position: { x: table.x, y: table.y },
      currentGuestId: table.guestId,
      section: table.section,
    },
  }
}

import { z } from 'zod'
import { sentInstant } from '../../platform/fields.ts'
import type { MessageKind, Socket } from '../../sockets/message-kind.ts'
import { TABLE_SHAPES } from '../../tables/rules.ts'
import {
  guestStatus,
  id,
  positionShape,
  reservationShape,
  syncGuestShape,
  syncTableShape,
  tableStatus,
} from '../shapes.ts'
import { deltaFields } from '../sync.ts'

/**
 * Every message of both sockets, as on the wire: exactly these keys, times always with six digits and `Z`. Spec: C10.
 */

const head = { restaurant_id: id, timestamp: sentInstant }
const x = z.number().min(0).max(1)

// ---------------------------------------------------------------- realtime

const guestData = z.strictObject({
  id,
  guestName: z.string(),
  firstName: z.string(),
  lastName: z.string(),
  partySize: z.int(),
  status: guestStatus,
  tableId: id.nullable(),
  email: z.string(),
  phone: z.string(),
  notes: z.string(),
})
const tableData = {
  id,
  tableNumber: z.string(),
  capacity: z.int(),
  status: tableStatus,
  position: positionShape,
  currentGuestId: id.nullable(),
  section: z.string().nullable(),
}
const longTable = z.strictObject({ ...tableData, shape: z.enum(TABLE_SHAPES), updatedAt: sentInstant })
const TABLE_ACTIONS = ['created', 'updated', 'assigned', 'cleared', 'deleted'] as const
const realtimeTable = z.strictObject({ type: z.literal('table_updated'), table_id: id, ...head })

const realtime = {
  restaurant_connect: z.strictObject({
    type: z.literal('restaurant_connect'),
    platform: z.literal('iOS'),
    ...head,
  }),
  guest_created: z.strictObject({
    type: z.literal('guest_created'),
    guest_id: id,
    action: z.literal('created'),
    data: guestData,
    ...head,
  }),
  guest_updated: z.strictObject({
    type: z.literal('guest_updated'),
    guest_id: id,
    action: z.enum(['info_updated', 'status_changed', 'table_assigned']),
    data: guestData,
    ...head,
  }),
  guest_deleted: z.strictObject({
    type: z.literal('guest_deleted'),
    guest_id: id,
    data: z.strictObject({ id }),
    ...head,
  }),
  table_updated: z.union([
    realtimeTable.extend({ action: z.enum(TABLE_ACTIONS), data: longTable }),
    realtimeTable.extend({
      action: z.enum([...TABLE_ACTIONS, 'status_changed']),
      data: longTable.extend({ x, y: x }),
    }),
  ]),
  reservation_updated: z.strictObject({
    type: z.literal('reservation_updated'),
    reservation_id: id,
    action: z.enum(['created', 'info_updated', 'status_changed', 'table_assigned', 'table_cleared', 'cancelled']),
    data: reservationShape,
    ...head,
  }),
}

// ---------------------------------------------------------------- sync

const sync = {
  connection_established: z.strictObject({
    type: z.literal('connection_established'),
    // An old build names its restaurant by a number, and gets it back.
    restaurant_id: z.union([id, z.int()]),
    timestamp: sentInstant,
    server_version: z.literal('1.0.0'),
  }),
  guest_updated: z.strictObject({
    type: z.literal('guest_updated'),
    timestamp: sentInstant,
    guest: syncGuestShape,
    table: z.null(),
    guestId: z.null(),
  }),
  guest_deleted: z.strictObject({
    type: z.literal('guest_deleted'),
    timestamp: sentInstant,
    guest: z.null(),
    table: z.null(),
    guestId: id,
  }),
  table_updated: z.strictObject({
    type: z.literal('table_updated'),
    table_id: id,
    action: z.enum(TABLE_ACTIONS),
    data: z.strictObject(tableData),
    ...head,
  }),
  full_sync: z.strictObject({
    type: z.literal('full_sync'),
    ...head,
    data: z.strictObject({ guests: z.array(syncGuestShape), tables: z.array(syncTableShape) }),
  }),
  delta_update: z.strictObject({
    type: z.literal('delta_update'),
    ...head,
    data: z.strictObject(deltaFields),
  }),
  error: z.strictObject({
    type: z.literal('error'),
    timestamp: sentInstant,
    message: z.string(),
    error_code: z.literal('SYNC_ERROR'),
  }),
}

// ---------------------------------------------------------------- both

const both = {
  heartbeat: z.strictObject({ type: z.literal('heartbeat'), timestamp: sentInstant }),
  pong: z.strictObject({ type: z.literal('pong'), timestamp: sentInstant }),
  atomic_transaction_complete: z.strictObject({
    type: z.literal('atomic_transaction_complete'),
    affected_entities: z.array(
      z.string().regex(/^(guest|table)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/),
    ),
    ...head,
  }),
}

/** Messages of clients may have more keys, which are ignored. */
const said = {
  authenticate: z.looseObject({ type: z.literal('authenticate'), token: z.string() }),
  ping: z.looseObject({ type: z.literal('ping') }),
  request_full_sync: z.looseObject({ type: z.literal('request_full_sync') }),
  request_delta: z.looseObject({ type: z.literal('request_delta'), since: z.string() }),
}

const one = (socket: Socket, name: string, summary: string, shape: z.ZodType): MessageKind => ({
  name,
  socket,
  from: 'server',
  summary,
  shape,
})
const asked = (socket: Socket, name: keyof typeof said, summary: string): MessageKind => ({
  ...one(socket, name, summary, said[name]),
  from: 'client',
})

const common = (socket: Socket): MessageKind[] => [
  one(socket, 'heartbeat', 'The client was silent for WS_HEARTBEAT_INTERVAL seconds', both.heartbeat),
  one(socket, 'pong', 'The answer to a ping', both.pong),
  asked(socket, 'authenticate', 'The first message, within 5 seconds, where the handshake had no token'),
  asked(socket, 'ping', 'The server answers with pong'),
]

/** All kinds of messages. */
export const messages: readonly MessageKind[] = [
  one('realtime', 'restaurant_connect', 'The first message', realtime.restaurant_connect),
  one('realtime', 'guest_created', 'A guest joined', realtime.guest_created),
  one('realtime', 'guest_updated', 'A guest changed', realtime.guest_updated),
  one('realtime', 'guest_deleted', 'A guest was deleted', realtime.guest_deleted),
  one(
    'realtime',
    'table_updated',
    'A table changed. In a batch, its place is also in flat fields',
    realtime.table_updated,
  ),
  one(
    'realtime',
    'reservation_updated',
    'A reservation changed. Sent only to sockets opened with reservations=1',
    realtime.reservation_updated,
  ),
  one('realtime', 'atomic_transaction_complete', 'A batch is done', both.atomic_transaction_complete),
  ...common('realtime'),
  one('sync', 'connection_established', 'The first message', sync.connection_established),
  one('sync', 'guest_updated', 'The guest of a table that was cleared', sync.guest_updated),
  one('sync', 'guest_deleted', 'A guest was deleted', sync.guest_deleted),
  one('sync', 'table_updated', 'A table changed', sync.table_updated),
  one('sync', 'atomic_transaction_complete', 'An atomic batch is done', both.atomic_transaction_complete),
  one('sync', 'full_sync', 'The answer to request_full_sync', sync.full_sync),
  one('sync', 'delta_update', 'The answer to request_delta: the changes after that time', sync.delta_update),
  one('sync', 'error', 'The request could not be answered', sync.error),
  ...common('sync'),
  asked('sync', 'request_full_sync', 'Asks for the whole floor'),
  asked('sync', 'request_delta', 'Asks for the changes after a time that the server gave out'),
]

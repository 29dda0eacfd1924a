import type { Schema } from './schemas.ts'

/**
 * The document says of some objects only that they are objects: `data` of atomic/batch and of sync/batch. Here is what they are read for, so that
 * these fields are tried like all others.
 */

const nullable = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] })
const text = (maxLength: number): Schema => nullable({ type: 'string', maxLength, pattern: '^[^\\u0000]*$' })
const integer: Schema = { type: 'integer', minimum: -2_147_483_648, maximum: 2_147_483_647 }
const words = (...of: readonly string[]): Schema => nullable({ type: 'string', maxLength: 20, enum: of })
const object = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  required,
})
const position = nullable(object({ x: { type: 'number' }, y: { type: 'number' } }, ['x', 'y']))

const time = nullable({ type: 'string', format: 'date-time' })
const atomicGuest = {
  first_name: text(100),
  lastName: text(100),
  party_size: nullable({ ...integer, minimum: 1 }),
  status: words('Waitlist', 'seated', 'no_show', 'Finished'),
  phone: text(20),
  email: nullable({ type: 'string', format: 'email', maxLength: 254 }),
  notes: text(10_000),
  specialRequests: text(10_000),
  dietary_restrictions: nullable({ type: 'array', maxItems: 50, items: { type: 'string', maxLength: 200 } }),
  table_id: text(100),
  tableId: text(100),
  assignedTableId: text(100),
  reservation_time: time,
  checkInTime: time,
  seated_time: time,
  finished_time: time,
}
const atomicTable = {
  table_number: text(20),
  capacity: nullable(integer),
  status: words('available', 'occupied', 'reserved', 'outOfService', 'needs_cleaning'),
  position,
  shape: words('round', 'square', 'rectangle', 'oval'),
  section: text(100),
  current_guest_id: text(100),
  currentGuestId: text(100),
}
const syncGuest = {
  name: text(201),
  partySize: nullable(integer),
  phoneNumber: text(20),
  email: text(255),
  status: words('waiting', 'seated', 'completed', 'Arrived', 'no_show'),
  tableId: text(100),
  notes: text(10_000),
}
const syncTable = {
  capacity: nullable(integer),
  status: words('available', 'occupied', 'reserved', 'needs_cleaning'),
  position,
  currentGuestId: text(100),
}

const form = (name: string, value: string, more: Readonly<Record<string, Schema>>): Schema =>
  object({ [name]: { type: 'string', const: value }, ...more }, [name, ...Object.keys(more)])

/** Items of an atomic batch. What a new entity must have is required; a new table has no party. */
function atomicItems(id: Schema, fields: Readonly<Record<string, Schema>>, needed: readonly string[]): Schema {
  const isParty = (name: string) => /guest_?id/i.test(name)
  const own = Object.entries(fields).filter(([name]) => !isParty(name))
  const made = Object.fromEntries(
    own.map(([name, of]) => [name, needed.includes(name) && of.anyOf ? of.anyOf[0]! : of]),
  )
  return {
    oneOf: [
      form('operation', 'update', { id, data: object(fields) }),
      form('operation', 'create', { id, data: object(made, needed) }),
      form('operation', 'delete', { id }),
    ],
  }
}

const listOf = (list: Schema, items: Schema): Schema =>
  list.anyOf ? { anyOf: list.anyOf.map((each) => (each.items ? { ...each, items } : each)) } : { ...list, items }

/** A body's schema with what its open objects are read for. */
export function withData(name: string, body: Schema): Schema {
  const fields = body.properties ?? {}
  const put = (more: Readonly<Record<string, Schema>>): Schema => ({ ...body, properties: { ...fields, ...more } })
  if (name === 'syncBatch') {
    const { entity_id: id } = fields['updates']!.items!.properties!
    const items = {
      oneOf: [
        form('entity_type', 'guest', { entity_id: id!, data: object(syncGuest) }),
        form('entity_type', 'table', { entity_id: id!, data: object(syncTable) }),
      ],
    }
    return put({ updates: listOf(fields['updates']!, items) })
  }
  if (name === 'atomicBatch') {
    const { id } = fields['guests']!.anyOf![0]!.items!.properties!
    return put({
      guests: listOf(fields['guests']!, atomicItems(id!, atomicGuest, ['first_name', 'party_size'])),
      tables: listOf(fields['tables']!, atomicItems(id!, atomicTable, ['table_number', 'capacity'])),
    })
  }
  return body
}

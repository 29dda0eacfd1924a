import { z } from 'zod'
import { dayField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { AppError } from '../platform/errors.ts'
import { execute } from '../changes/command/execute.ts'
import { addReservation } from '../floor/add-reservation.ts'
import { cancelReservation } from '../reservations/cancel-reservation.ts'
import { listReservations } from '../reservations/list-reservations.ts'
import { updateReservation } from '../reservations/update-reservation.ts'
import { detail } from './errors.ts'
import { idOrNothing, pathId } from './ids.ts'
import { check, field, valueError, ValidationError } from './pydantic/pydantic.ts'
import { route } from './route.ts'
import { written } from './kept-answers/floor-shapes.ts'
import { reservationJson, reservationShape } from './shapes.ts'
import { partyStatusOf, RESERVATION_WORDS } from '../old-backend/statuses.ts'

const LIST = '/restaurants/:restaurantId/reservations'
const ONE = '/restaurants/:restaurantId/reservations/:reservationId'

const { maybe } = field
const partySize = check(field.int(), (n) => n >= 1, 'party_size must be a positive integer', { minimum: 1 })
const status = field.oneOf(RESERVATION_WORDS)
const time = maybe(field.datetime())
const notes = maybe(field.str({ max: limits.noteCharacters }))

/** A day as the old server accepted it: month and day may have one digit. */
function dayIn(text: string): string {
  const [, year, month = '', day = ''] = /^(\d{4})-(\d\d?)-( \d|\d\d?)$/.exec(text) ?? []
  const padded = `${year}-${month.padStart(2, '0')}-${day.trim().padStart(2, '0')}`
  if (!dayField.safeParse(padded).success) throw detail(400, 'Invalid date format. Use YYYY-MM-DD')
  return padded
}

export const reservationsList = route({
  method: 'GET',
  path: LIST,
  name: 'reservationsList',
  summary: "Reservations, newest first. date_filter is a day in the restaurant's time zone",
  tag: 'reservations',
  access: 'restaurant',
  query: field.model({
    status_filter: field.optional(field.str({ max: 100 })),
    date_filter: field.optional(field.str({ max: 100 })),
    before: field.optional(field.datetime()),
    limit: field.optional(field.int({ min: 0 })),
  }),
  answer: z.array(reservationShape),
  refusals: [400],
  shape(deps, { status_filter, date_filter, before, limit = limits.guestsPerList }) {
    // An empty filter matches everything.
    const word = status_filter || undefined
    const day = date_filter ? dayIn(date_filter) : undefined
    const status = word === undefined ? undefined : partyStatusOf(word)
    // A status outside the contract's words matches nothing.
    const isUnknown = word !== undefined && !(RESERVATION_WORDS as readonly string[]).includes(word)
    const input = { status, day, before, limit: isUnknown ? 0 : Math.min(limit, limits.guestsPerList) }
    return {
      key: `reservations ${isUnknown ? 'none' : Object.values(input).join(' ')}`,
      // The floor has reservations of these days only.
      fromFloor: null,
      fromDatabase: (restaurantId, minSeq) =>
        written(deps, listReservations, restaurantId, isUnknown ? { limit: 0 } : input, minSeq, (list) =>
          list.map(reservationJson),
        ),
    }
  },
})

export const reservationsCreate = route({
  method: 'POST',
  path: LIST,
  name: 'reservationsCreate',
  summary: 'Take a reservation',
  tag: 'reservations',
  access: 'restaurant',
  body: field.model({
    guest_name: field.str({ max: 200 }),
    party_size: partySize,
    status: field.withDefault(status, 'waitlist'),
    reservation_time: time,
    contact_info: maybe(field.str({ max: 20 })),
    notes,
  }),
  answer: reservationShape,
  async handle({ deps, context, body }) {
    const { result } = await execute(deps, addReservation, context, {
      guestName: body.guest_name,
      partySize: body.party_size,
      status: partyStatusOf(body.status),
      reservationTime: body.reservation_time ?? null,
      contactInfo: body.contact_info ?? null,
      notes: body.notes ?? null,
    })
    return reservationJson(result)
  },
})

export const reservationsUpdate = route({
  method: 'PUT',
  path: ONE,
  name: 'reservationsUpdate',
  summary: 'Change a reservation. Null or missing fields stay; assigned_table_id takes a free table, "" gives it back',
  tag: 'reservations',
  access: 'restaurant',
  body: field.model({
    guest_name: maybe(field.str({ max: 200 })),
    party_size: maybe(partySize),
    status: maybe(status),
    assigned_table_id: maybe(field.str({ max: 100 })),
    check_in_time: time,
    seated_time: time,
    finished_time: time,
    notes,
  }),
  answer: reservationShape,
  refusals: [400, 404],
  async handle({ deps, context, params, body }) {
    const table = body.assigned_table_id
    try {
      const { result } = await execute(deps, updateReservation, context, {
        force: true,
        reservationId: pathId(params, 'reservationId'),
        guestName: body.guest_name ?? undefined,
        partySize: body.party_size ?? undefined,
        status: body.status ? partyStatusOf(body.status) : undefined,
        tableId: table === '' ? null : table ? idOrNothing(table) : undefined,
        checkInTime: body.check_in_time ?? undefined,
        seatedTime: body.seated_time ?? undefined,
        finishedTime: body.finished_time ?? undefined,
        notes: body.notes ?? undefined,
      })
      return reservationJson(result)
    } catch (error) {
      throw refusalOf(error, table)
    }
  },
})

export const reservationsCancel = route({
  method: 'DELETE',
  path: ONE,
  name: 'reservationsCancel',
  summary: 'Cancel a reservation. Cancelling twice is no error',
  tag: 'reservations',
  access: 'restaurant',
  answer: z.object({ message: z.string() }),
  refusals: [404],
  async handle({ deps, context, params }) {
    await execute(deps, cancelReservation, context, { reservationId: pathId(params, 'reservationId') })
    return { message: 'Reservation cancelled successfully' }
  },
})

/** An unknown table is refused with 400 for reservations, and with 422 for guests. */
function refusalOf(error: unknown, table: unknown): unknown {
  if (!(error instanceof AppError)) return error
  if (error.code === 'unknown-table') return detail(400, 'Table not found')
  if (error.code === 'table-not-free') return detail(400, 'Table is not available')
  if (error.code === 'ended-with-table')
    return new ValidationError([valueError(['body', 'assigned_table_id'], error.message, table)])
  return error
}

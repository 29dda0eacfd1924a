import { z } from 'zod'
import type { Guest } from '../guests/guests.ts'
import type { Reservation } from '../reservations/reservations.ts'
import type { Table } from '../tables/tables.ts'
import { microsOf, type Instant } from '../platform/clock.ts'
import { idField } from '../platform/fields.ts'
import { PHASES } from '../parties/rules.ts'
import { TABLE_SHAPES } from '../tables/rules.ts'
import {
  GUEST_WORDS,
  guestWords,
  RESERVATION_WORDS,
  reservationWords,
  syncGuestWord,
  syncTableWord,
  TABLE_INPUT,
  tableWords,
} from '../old-backend/statuses.ts'
import { factShapes, factsOf } from './guest-facts.ts'
import { naive, naiveOrNull, zulu } from './times.ts'

/** The contract's JSON of a guest and a table, with keys in wire order. The API's description uses these schemas. */

export const naiveTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/)
  .meta({ description: 'UTC, without a zone' })
export const zuluTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/)
  .meta({ description: 'UTC, with Z' })
export const offsetTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00$/)
  .meta({ description: 'UTC, with +00:00' })

/** An id in an answer. */
export const id = idField.meta({ description: 'UUID, lower case', format: 'uuid' })
/** The statuses of guests and tables in most of the contract. */
export const guestStatus = z.enum(GUEST_WORDS)
export const tableStatus = z.enum(TABLE_INPUT)

export const guestShape = z
  .object({
    id,
    name: z.string(),
    firstName: z.string(),
    lastName: z.string(),
    email: z.string().nullable(),
    phone: z.string().nullable(),
    totalVisits: z.int(),
    ...factShapes,
    partySize: z.int().nullable(),
    status: guestStatus,
    tableId: id.nullable(),
    reservationTime: naiveTime.nullable(),
    checkInTime: naiveTime.nullable(),
    seatedTime: naiveTime.nullable(),
    finishedTime: naiveTime.nullable(),
    createdAt: naiveTime,
    lastUpdated: naiveTime,
  })
  .meta({ id: 'IosGuest' })

export const positionShape = z.object({ x: z.number(), y: z.number() })

export const tableShape = z
  .object({
    id,
    tableNumber: z.string(),
    capacity: z.int(),
    status: tableStatus,
    position: positionShape,
    shape: z.enum(TABLE_SHAPES),
    section: z.string().nullable(),
    currentGuestId: id.nullable(),
    lastUpdated: naiveTime,
    createdAt: naiveTime,
  })
  .meta({ id: 'IosTable' })

/** First and last name joined; `""` when both are blank. */
export const fullName = (g: Pick<Guest, 'firstName' | 'lastName'>): string => `${g.firstName} ${g.lastName}`.trim()

/** A guest in /restaurants/{id}/guests. */
export function guestJson(g: Guest): z.output<typeof guestShape> {
  return {
    id: g.id,
    name: fullName(g) || 'Unknown Guest',
    firstName: g.firstName,
    lastName: g.lastName,
    email: g.email,
    phone: g.phone,
    totalVisits: g.person?.visits ?? 0,
    ...factsOf(g),
    partySize: g.partySize,
    status: guestWords[g.status],
    tableId: g.tableId,
    reservationTime: naiveOrNull(g.reservationTime),
    checkInTime: naiveOrNull(g.checkInTime),
    seatedTime: naiveOrNull(g.seatedTime),
    finishedTime: naiveOrNull(g.finishedTime),
    createdAt: naive(g.createdAt),
    lastUpdated: naive(g.updatedAt),
  }
}

/** A table in /restaurants/{id}/tables. */
export function tableJson(t: Table): z.output<typeof tableShape> {
  return {
    id: t.id,
    tableNumber: t.number,
    capacity: t.capacity,
    status: tableWords[t.status],
    position: { x: t.x, y: t.y },
    shape: t.shape,
    section: t.section,
    currentGuestId: t.guestId ?? t.reservationId,
    lastUpdated: naive(t.updatedAt),
    createdAt: naive(t.createdAt),
  }
}

/** The time from which a guest's waiting time counts, while it counts. */
export const waitsSince = ({ status, checkInTime }: Pick<Guest, 'status' | 'checkInTime'>): Instant | null =>
  status === 'waitlist' || status === 'arrived' ? checkInTime : null

/** Whole minutes between two times; 0 if the second is earlier. */
export const minutesBetween = (from: Instant, to: Instant): number =>
  Math.max(0, Math.floor((microsOf(to) - microsOf(from)) / 60e6))

/** A guest in /api/sync and in the sync socket. Waiting times count up to `now`. */
export function syncGuestJson(g: Guest, now: Instant): z.output<typeof syncGuestShape> {
  const since = waitsSince(g)
  return {
    id: g.id,
    name: fullName(g) || 'Unknown Guest',
    partySize: g.partySize,
    phoneNumber: g.phone ?? '',
    email: g.email ?? '',
    status: syncGuestWord(g.status),
    waitTime: since === null ? 0 : minutesBetween(since, now),
    tableId: g.tableId,
    notes: g.notes ?? '',
    arrivalTime: g.checkInTime === null ? null : zulu(g.checkInTime),
    isWalkIn: g.reservationTime === null,
  }
}

export const reservationShape = z
  .object({
    id,
    guestName: z.string(),
    partySize: z.int(),
    status: z.enum(RESERVATION_WORDS),
    reservationTime: naiveTime.nullable(),
    checkInTime: naiveTime.nullable(),
    seatedTime: naiveTime.nullable(),
    finishedTime: naiveTime.nullable(),
    assignedTableId: id.nullable(),
    contactInfo: z.string().nullable(),
    notes: z.string().nullable(),
    createdAt: naiveTime,
    lastUpdated: naiveTime,
  })
  .meta({ id: 'IosReservation' })

/** A reservation in /restaurants/{id}/reservations. */
export function reservationJson(r: Reservation): z.output<typeof reservationShape> {
  return {
    id: r.id,
    guestName: r.guestName,
    partySize: r.partySize,
    status: reservationWords[r.status],
    reservationTime: naiveOrNull(r.reservationTime),
    checkInTime: naiveOrNull(r.checkInTime),
    seatedTime: naiveOrNull(r.seatedTime),
    finishedTime: naiveOrNull(r.finishedTime),
    assignedTableId: r.tableId,
    contactInfo: r.contactInfo,
    notes: r.notes,
    createdAt: naive(r.createdAt),
    lastUpdated: naive(r.updatedAt),
  }
}

export const syncGuestShape = z
  .object({
    id,
    name: z.string(),
    partySize: z.int(),
    phoneNumber: z.string(),
    email: z.string(),
    status: z.enum(PHASES),
    waitTime: z.int(),
    tableId: id.nullable(),
    notes: z.string(),
    arrivalTime: zuluTime.nullable(),
    isWalkIn: z.boolean(),
  })
  .meta({ id: 'SyncGuest' })

export const syncTableShape = z
  .object({
    id,
    number: z.int(),
    capacity: z.int(),
    status: z.enum(['available', 'occupied', 'reserved', 'needs_cleaning']),
    position: positionShape,
    currentGuestId: id.nullable(),
  })
  .meta({ id: 'SyncTable' })

/**
 * A table in /api/sync and in the sync socket. Its number is the digits of the table's number, or 1 when there are
 * none.
 */
export function syncTableJson(t: Table): z.output<typeof syncTableShape> {
  const digits = Number.parseInt(t.number.replace(/\D/g, '').slice(0, 9), 10)
  return {
    id: t.id,
    number: Number.isNaN(digits) ? 1 : digits,
    capacity: t.capacity === 0 ? 4 : t.capacity,
    status: syncTableWord[t.status],
    position: { x: t.x, y: t.y },
    currentGuestId: t.guestId ?? t.reservationId,
  }
}

import { z } from 'zod'
import type { Guest } from '../guests/guests.ts'
import type { Table } from '../tables/tables.ts'
import { microsOf, type Instant } from '../platform/clock.ts'
import { guestWords, syncGuestWord, tableWords } from './statuses.ts'
import { naive, naiveOrNull, zulu } from './times.ts'

/** The contract's JSON of a guest and a table, keys in the order of the wire. The schemas are what the API's description says of them. */

const naiveTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$/)
  .meta({ description: 'UTC, without a zone' })
export const zuluTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/)
  .meta({ description: 'UTC, with Z' })
const id = z.uuid()

export const guestShape = z
  .object({
    id,
    name: z.string(),
    firstName: z.string(),
    lastName: z.string(),
    email: z.string().nullable(),
    phone: z.string().nullable(),
    totalVisits: z.int(),
    notes: z.string().nullable(),
    dietaryRestrictions: z.array(z.string()),
    specialRequests: z.string().nullable(),
    partySize: z.int().nullable(),
    status: z.string().nullable(),
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
    status: z.enum(['available', 'occupied', 'reserved', 'outOfService']),
    position: positionShape,
    shape: z.enum(['round', 'square', 'rectangle', 'oval']),
    section: z.string().nullable(),
    currentGuestId: z.string().nullable(),
    lastUpdated: naiveTime,
    createdAt: naiveTime,
  })
  .meta({ id: 'IosTable' })

/** First and last name in one, `""` when both are blank. */
export const fullName = (g: Pick<Guest, 'firstName' | 'lastName'>): string => `${g.firstName} ${g.lastName}`.trim()

/** A guest as /restaurants/{id}/guests answers it. */
export function guestJson(g: Guest): z.output<typeof guestShape> {
  return {
    id: g.id,
    name: fullName(g) || 'Unknown Guest',
    firstName: g.firstName,
    lastName: g.lastName,
    email: g.email,
    phone: g.phone,
    totalVisits: 0,
    notes: g.notes,
    dietaryRestrictions: g.dietaryRestrictions,
    specialRequests: g.specialRequests,
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

/** A table as /restaurants/{id}/tables answers it. */
export function tableJson(t: Table): z.output<typeof tableShape> {
  return {
    id: t.id,
    tableNumber: t.number,
    capacity: t.capacity,
    status: tableWords[t.status],
    position: { x: t.x, y: t.y },
    shape: t.shape,
    section: t.section,
    currentGuestId: t.guestId,
    lastUpdated: naive(t.updatedAt),
    createdAt: naive(t.createdAt),
  }
}

/** A guest as /api/sync and the sync socket say it. `now` is what waiting times are counted to. */
export function syncGuestJson(g: Guest, now: Instant) {
  const waits = g.status === 'waitlist' || g.status === 'arrived'
  const minutes = g.checkInTime === null ? 0 : Math.floor((microsOf(now) - microsOf(g.checkInTime)) / 60e6)
  return {
    id: g.id,
    name: fullName(g) || 'Unknown Guest',
    partySize: g.partySize,
    phoneNumber: g.phone ?? '',
    email: g.email ?? '',
    status: syncGuestWord(g.status),
    waitTime: waits ? Math.max(0, minutes) : 0,
    tableId: g.tableId,
    notes: g.notes ?? '',
    arrivalTime: g.checkInTime === null ? null : zulu(g.checkInTime),
    isWalkIn: g.reservationTime === null,
  }
}

import { plusMillis, type Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import { isOver, type PartyStatus } from '../../parties/rules.ts'
import { partyStatusOf } from '../../old-backend/statuses.ts'
import { Fields } from '../old/fields.ts'
import { idOf } from '../old/ids.ts'
import type { OldRow } from '../old/database.ts'
import type { PartyClaim, PartyPlace } from './pairs.ts'
import type { FloorRow, Mapped } from '../old/rows.ts'
import type { Zone } from '../old/times.ts'

/** What reading one restaurant's parties needs to know of it. */
export interface PartyContext {
  readonly zone: Zone
  /** When a row was made that doesn't say. */
  readonly otherwise: Instant
  /** When anything of the floor was changed last. */
  readonly newest: Instant
  /** What a table id in a party's row means: a table that is there, or what is wrong with it. */
  tableAt(old: string): NonNullable<PartyClaim['at']>
}

const RECENT_MILLIS = 24 * 60 * 60 * 1000
const DURATION = 90

/** The status in the words inside. One that isn't known: on the waitlist when there was something to wait for on the last day, else finished. */
function statusOf(f: Fields, context: PartyContext, latest: Instant): PartyStatus {
  const text = f.word('status')
  if (text === null) return 'waitlist'
  const known = partyStatusOf(text)
  if (known) return known
  const status = plusMillis(latest, RECENT_MILLIS) >= context.newest ? 'waitlist' : 'finished'
  f.wrong(`status ${JSON.stringify(text.slice(0, 40))} is not known`, `taken as ${status}`)
  return status
}

/** When a visit ended: the time told for it where that is believable, else the row's last change. */
function endOf(status: PartyStatus, finished: Instant | null, createdAt: Instant, updatedAt: Instant): Instant | null {
  if (!isOver(status)) return null
  return status === 'finished' && finished !== null && finished >= createdAt && finished <= updatedAt
    ? finished
    : updatedAt
}

function partySize(f: Fields): number {
  const size = f.int('party_size')
  if (size !== undefined && size >= 1) return size
  f.wrong(size === undefined ? 'party_size is missing or no whole number' : `party_size is ${size}`, 'taken as 1')
  return 1
}

/** What a guest or reservation says about tables, for `pairUp`. */
export function claimOf(kind: PartyClaim['kind'], old: OldRow, oldId: string, context: PartyContext): PartyClaim {
  const f = new Fields(old, context.zone)
  const { updatedAt } = f.stamps(context.otherwise)
  const latest = later(updatedAt, kind === 'reservation' ? f.time('reservation_time') : null)
  const table = f.word('table_id')
  return {
    kind,
    id: idOf(kind === 'guest' ? 'guests' : 'reservations', oldId),
    status: statusOf(f, context, latest),
    at: table === null ? null : context.tableAt(table),
    seatedTime: f.time('seated_time'),
    updatedAt,
  }
}

const later = (a: Instant, b: Instant | null): Instant => (b !== null && b > a ? b : a)

/** Everything that guests and reservations have in common. */
function partyRow(kind: PartyClaim['kind'], f: Fields, context: PartyContext, place: PartyPlace | undefined): FloorRow {
  const { createdAt, updatedAt } = f.stamps(context.otherwise)
  const times = { reservation_time: f.time('reservation_time'), check_in_time: f.time('check_in_time') }
  const finished = f.time('finished_time')
  const said = statusOf(f, context, later(updatedAt, kind === 'reservation' ? times.reservation_time : null))
  const status = place?.status ?? said
  const seated = f.time('seated_time')
  f.problems.push(...(place?.problems ?? []))
  return {
    party_size: partySize(f),
    status,
    table_id: place?.tableId ?? null,
    ...times,
    seated_time: place?.unseated ? null : seated,
    finished_time: finished,
    ended_at: endOf(status, finished, createdAt, updatedAt),
    special_requests: f.text('special_requests', limits.noteCharacters),
    notes: f.text('notes', limits.noteCharacters),
    created_at: createdAt,
    updated_at: updatedAt,
  }
}

/** A guest of the old database as a row of QTable. `place` is what `pairUp` decided, where it was asked. */
export function mapGuest(old: OldRow, oldId: string, context: PartyContext, place: PartyPlace | undefined): Mapped {
  const f = new Fields(old, context.zone)
  const row = {
    id: idOf('guests', oldId),
    first_name: f.text('first_name', 100) ?? '',
    last_name: f.text('last_name', 100) ?? '',
    email: f.text('email', 255),
    phone: f.text('phone', 20),
    dietary_restrictions: f.list('dietary_restrictions'),
    ...partyRow('guest', f, context, place),
  }
  return { old, oldId, row, problems: f.problems, lost: f.lost }
}

/** A reservation of the old database as a row of QTable. Whether its guest is there is looked at when it is stored. */
export function mapReservation(
  old: OldRow,
  oldId: string,
  context: PartyContext,
  place: PartyPlace | undefined,
): Mapped {
  const f = new Fields(old, context.zone)
  const guest = f.word('guest_id')
  const name = f.text('guest_name', 200)
  if (name === null) f.wrong('guest_name is missing', 'left empty')
  const minutes = f.raw('duration_minutes') === null ? DURATION : f.int('duration_minutes')
  if (minutes === undefined || minutes < 1)
    f.wrong(`duration_minutes is ${minutes ?? 'no whole number'}`, `taken as ${DURATION}`)
  const row = {
    id: idOf('reservations', oldId),
    guest_id: guest === null ? null : idOf('guests', guest),
    guest_name: name ?? '',
    contact_info: f.text('guest_phone', 20),
    email: f.text('guest_email', 255),
    duration_minutes: minutes === undefined || minutes < 1 ? DURATION : minutes,
    source: f.text('source', 20) ?? 'walk_in',
    ...partyRow('reservation', f, context, place),
  }
  return { old, oldId, row, problems: f.problems, lost: f.lost }
}

import { numbersOf, type OldRow, type OldRows } from './old-rows.ts'

/** Kinds of damage that old databases have, each with what an import must say and make of it. */

/** A row of QTable as it must be: these columns of the row with this id; null when there must be none. */
export interface Expected {
  readonly table: 'restaurants' | 'staff' | 'tables' | 'guests' | 'reservations' | 'tombstones'
  readonly id: string
  readonly row: Readonly<Record<string, unknown>> | null
}

export interface Damage {
  readonly name: string
  readonly rows: Partial<OldRows>
  /** Lines of the report, whole. */
  readonly lines: readonly string[]
  readonly expected: readonly Expected[]
  /** Rows that must be in the file of rows set aside. */
  readonly setAside?: readonly OldRow[]
}

const MADE = '2026-06-01T10:00:00'
/** The last change of the damaged restaurant; what is older than a day by it is no more waited for. */
export const LATE = '2026-06-30T20:00:00'

/** What rows of one restaurant are made with; ids are the same every time. */
export function makers(restaurant_id: string, seed: number) {
  const { id } = numbersOf(seed)
  const stamps = { created_at: MADE, updated_at: LATE }
  let number = 100
  return {
    id,
    table: (more: OldRow = {}) => ({
      id: id(),
      restaurant_id,
      table_number: String(number++),
      capacity: 4,
      position_x: 0.5,
      position_y: 0.25,
      shape: 'round',
      status: 'available',
      is_active: true,
      ...stamps,
      ...more,
    }),
    guest: (more: OldRow = {}) => ({
      id: id(),
      restaurant_id,
      first_name: 'Ada',
      party_size: 2,
      status: 'Waitlist',
      ...stamps,
      ...more,
    }),
    reservation: (more: OldRow = {}) => ({
      id: id(),
      restaurant_id,
      guest_name: 'Bo',
      party_size: 2,
      status: 'confirmed',
      duration_minutes: 90,
      source: 'app',
      ...stamps,
      ...more,
    }),
    user: (more: OldRow = {}) => {
      const own = id()
      const base = { id: own, restaurant_id, email: `${own}@old.example`, password_hash: '$2b$04$x', role: 'staff' }
      return { ...base, is_active: true, ...stamps, ...more }
    },
  }
}

export type Make = ReturnType<typeof makers>
const idOf = (row: OldRow) => String(row['id'])
/** Damage that one row has. */
export const one = (
  name: string,
  kind: 'users' | 'restaurant_tables' | 'guests' | 'reservations',
  row: OldRow,
  told: readonly string[],
  expected: Record<string, unknown>,
): Damage => {
  const table = { users: 'staff', restaurant_tables: 'tables', guests: 'guests', reservations: 'reservations' }[
    kind
  ] as Expected['table']
  return {
    name,
    rows: { [kind]: [row] },
    lines: told.map((each) => `${kind} ${idOf(row)}: ${each}`),
    expected: [{ table, id: idOf(row).toLowerCase(), row: expected }],
  }
}

/** Damage to single columns. */
export function columnDamage({ guest, table, reservation, user }: Make): Damage[] {
  const size = (party_size: unknown, says: string) =>
    one(`party_size ${String(party_size)}`, 'guests', guest({ party_size }), [`party_size is ${says} -> taken as 1`], {
      party_size: 1,
    })
  return [
    size(null, 'missing or no whole number'),
    size(0, '0'),
    size(-3, '-3'),
    one(
      'unknown status, recent',
      'guests',
      guest({ status: 'Levitating' }),
      ['status "Levitating" is not known -> taken as waitlist'],
      {
        status: 'waitlist',
        ended_at: null,
      },
    ),
    one(
      'unknown status, long ago',
      'guests',
      guest({ status: 'Levitating', updated_at: '2026-06-29T19:59:59' }),
      ['status "Levitating" is not known -> taken as finished'],
      { status: 'finished', ended_at: '2026-06-29T19:59:59+00:00' },
    ),
    one('a table that is cleaned', 'restaurant_tables', table({ status: 'cleaning' }), [], {
      status: 'needs_cleaning',
    }),
    one(
      'unknown status of a table',
      'restaurant_tables',
      table({ status: 'on fire' }),
      ['status "on fire" is not known -> taken as available'],
      { status: 'available' },
    ),
    one(
      'unknown shape',
      'restaurant_tables',
      table({ shape: 'star' }),
      ['shape "star" is not known -> taken as round'],
      { shape: 'round' },
    ),
    one(
      'pixels',
      'restaurant_tables',
      table({ position_x: 400, position_y: -2 }),
      ['the position (400, -2) is outside 0 to 1 -> read as pixels of 800 by 600: (0.5, 0)'],
      { x: 0.5, y: 0 },
    ),
    one(
      'a list that is an object',
      'guests',
      guest({ dietary_restrictions: { no: 'nuts' } }),
      ['dietary_restrictions is no list -> kept as its only item'],
      { dietary_restrictions: ['{"no":"nuts"}'] },
    ),
    one(
      'a list with more than text',
      'guests',
      guest({ dietary_restrictions: ['vegan', 7, null] }),
      ['dietary_restrictions has items that are no text -> kept as text'],
      { dietary_restrictions: ['vegan', '7'] },
    ),
    one(
      'negative duration',
      'reservations',
      reservation({ duration_minutes: -30 }),
      ['duration_minutes is -30 -> taken as 90'],
      {
        duration_minutes: 90,
      },
    ),
    one('unknown role', 'users', user({ role: 'wizard' }), ['role "wizard" is not known -> taken as host'], {
      role: 'host',
    }),
    one(
      'a password of an unknown kind',
      'users',
      user({ password_hash: 'plain text' }),
      ['password_hash is missing or of an unknown kind -> kept; nobody can sign in with it'],
      { password_hash: 'plain text' },
    ),
    one(
      'a guest who is not there',
      'reservations',
      reservation({ guest_id: '00000000-0000-4000-8000-00000000dead' }),
      ['guest_id names no guest of the restaurant -> belongs to no guest'],
      { guest_id: null },
    ),
    one('no created_at', 'guests', guest({ created_at: null }), [`created_at is missing -> taken as ${LATE}.000000Z`], {
      created_at: `${LATE}+00:00`,
    }),
  ]
}

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

type Make = ReturnType<typeof makers>
const idOf = (row: OldRow) => String(row['id'])
const one = (
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

/** Damage to who is at which table. */
export function pairDamage(make: Make, foreignGuest: string): Damage[] {
  return [...missingTables(make), ...brokenNames(make, foreignGuest), ...twoAtOnce(make)]
}

function missingTables({ guest, table, reservation }: Make): Damage[] {
  const gone = table({ is_active: false })
  const atGone = guest({ table_id: gone.id, status: 'Arrived' })
  const seated = { status: 'Seated', seated_time: '2026-06-30T18:00:00' }
  const nowhere = '00000000-0000-4000-8000-0000000000ab'
  return [
    one(
      'seated at a table that is not there',
      'guests',
      guest({ ...seated, table_id: nowhere }),
      ['is seated, and it names a table that is not there -> on the waitlist now, at no table'],
      { status: 'waitlist', table_id: null, seated_time: null },
    ),
    {
      name: 'a removed table',
      rows: { restaurant_tables: [gone], guests: [atGone] },
      lines: [`guests ${atGone.id}: it names a table that was removed -> at no table now, still arrived`],
      expected: [
        { table: 'guests', id: atGone.id, row: { status: 'arrived', table_id: null } },
        { table: 'tables', id: gone.id, row: null },
        { table: 'tombstones', id: gone.id, row: { kind: 'table' } },
      ],
    },
    one(
      'finished at a table',
      'guests',
      guest({ status: 'Finished', table_id: nowhere }),
      ['the visit is over and a table is named -> at no table now'],
      { status: 'finished', table_id: null },
    ),
    one(
      'a reservation of a table that is not there',
      'reservations',
      reservation({ table_id: nowhere }),
      ['it names a table that is not there -> at no table now, still confirmed'],
      { status: 'confirmed', table_id: null },
    ),
  ]
}

function brokenNames({ guest, table, reservation, id }: Make, foreignGuest: string): Damage[] {
  const named = (name: string, current_guest_id: string, wrong: string) =>
    one(
      name,
      'restaurant_tables',
      table({ status: 'occupied', current_guest_id }),
      [`${wrong} -> names nobody now`, 'is occupied and has no party -> available now'],
      { status: 'available', guest_id: null, reservation_id: null },
    )
  const expectedBy = reservation()
  const held = table({ status: 'reserved', current_guest_id: expectedBy.id })
  const silent = table()
  const sitting = guest({ status: 'Seated', table_id: silent.id, seated_time: '2026-06-30T18:00:00' })
  const mine = table({ status: 'occupied' })
  const other = guest({ status: 'finished' })
  const atMine = guest({ status: 'seated', table_id: mine.id, seated_time: '2026-06-30T18:00:00' })
  Object.assign(mine, { current_guest_id: other.id })
  return [
    named('a table that names nobody there is', id(), 'names nobody that is there'),
    named('a table that names a guest of another restaurant', foreignGuest, 'names a guest of another restaurant'),
    one(
      'occupied by nobody',
      'restaurant_tables',
      table({ status: 'occupied' }),
      ['is occupied and has no party -> available now'],
      {
        status: 'available',
      },
    ),
    {
      name: 'a table that names a reservation',
      rows: { restaurant_tables: [held], reservations: [expectedBy] },
      lines: [
        `reservations ${expectedBy.id}: names no table, and a table names it -> at table ${held.table_number} now, which names it`,
      ],
      expected: [
        { table: 'tables', id: held.id, row: { reservation_id: expectedBy.id, guest_id: null, status: 'reserved' } },
        { table: 'reservations', id: expectedBy.id, row: { table_id: held.id, status: 'confirmed' } },
      ],
    },
    {
      name: 'a guest at a table that names nobody',
      rows: { restaurant_tables: [silent], guests: [sitting] },
      lines: [
        `restaurant_tables ${silent.id}: names nobody, and guest ${sitting.id} is there -> names that party now`,
        `restaurant_tables ${silent.id}: is available and has guest ${sitting.id} -> occupied now`,
      ],
      expected: [
        { table: 'tables', id: silent.id, row: { guest_id: sitting.id, status: 'occupied' } },
        { table: 'guests', id: sitting.id, row: { table_id: silent.id, status: 'seated' } },
      ],
    },
    {
      name: 'a guest at a table that names another',
      rows: { restaurant_tables: [mine], guests: [other, atMine] },
      lines: [
        `restaurant_tables ${mine.id}: names guest ${other.id}, whose visit is over -> names guest ${atMine.id} now, who is there`,
      ],
      expected: [
        { table: 'tables', id: mine.id, row: { guest_id: atMine.id, status: 'occupied' } },
        { table: 'guests', id: atMine.id, row: { table_id: mine.id, status: 'seated' } },
      ],
    },
  ]
}

function twoAtOnce({ guest, table }: Make): Damage[] {
  const full = table({ status: 'occupied' })
  const early = guest({ status: 'Seated', table_id: full.id, seated_time: '2026-06-30T17:00:00' })
  const late = guest({ status: 'Seated', table_id: full.id, seated_time: '2026-06-30T18:00:00' })
  Object.assign(full, { current_guest_id: early.id })
  const first = table({ table_number: 'Terrace-Window-0012', created_at: '2026-05-01T10:00:00' })
  const second = table({ table_number: 'Terrace-Window-0012' })
  const third = table({ table_number: 'Terrace-Window-0012', created_at: '2026-06-02T10:00:00' })
  return [
    {
      name: 'two guests at one table',
      rows: { restaurant_tables: [full], guests: [early, late] },
      lines: [
        `restaurant_tables ${full.id}: names guest ${early.id}, and guest ${late.id} is there -> names the latter now`,
        `guests ${early.id}: is seated, and table ${full.table_number} has another party or none -> on the waitlist now, at no table`,
      ],
      expected: [
        { table: 'tables', id: full.id, row: { guest_id: late.id, status: 'occupied' } },
        {
          table: 'guests',
          id: late.id,
          row: { table_id: full.id, status: 'seated', seated_time: '2026-06-30T18:00:00+00:00' },
        },
        { table: 'guests', id: early.id, row: { table_id: null, status: 'waitlist', seated_time: null } },
      ],
    },
    {
      name: 'one number three times',
      rows: { restaurant_tables: [third, second, first] },
      lines: [
        `restaurant_tables ${second.id}: the number "Terrace-Window-0012" is another table's too -> numbered "Terrace-Window-0 (2)"`,
        `restaurant_tables ${third.id}: the number "Terrace-Window-0012" is another table's too -> numbered "Terrace-Window-0 (3)"`,
      ],
      expected: [
        { table: 'tables', id: first.id, row: { number: 'Terrace-Window-0012' } },
        { table: 'tables', id: second.id, row: { number: 'Terrace-Window-0 (2)' } },
        { table: 'tables', id: third.id, row: { number: 'Terrace-Window-0 (3)' } },
      ],
    },
  ]
}

/** Damage to ids and to what is unique, and rows that belong nowhere. */
export function identityDamage({ guest, table, reservation, user, id }: Make): Damage[] {
  const upper = guest({ id: id().toUpperCase() })
  const ada = user({ email: 'twin@case.example' })
  const Ada = user({ email: 'Twin@case.example', created_at: '2026-05-01T10:00:00' })
  const double = user({ email: 'twin@case.example', created_at: '2026-06-02T10:00:00' })
  const nowhere = '00000000-0000-4000-8000-0000000000cd'
  const [small, big] = [guest(), guest()]
  Object.assign(big, { id: small.id.toUpperCase(), first_name: 'Big' })
  const lost = { restaurant_id: nowhere }
  const orphans = {
    users: [user(lost)],
    restaurant_tables: [table(lost)],
    guests: [guest(lost)],
    reservations: [reservation(lost)],
  }
  return [
    one(
      'an id in upper case',
      'guests',
      upper,
      [`the id is in upper case -> its id is ${upper.id.toLowerCase()} now`],
      { first_name: 'Ada' },
    ),
    {
      name: 'e-mails',
      rows: { users: [ada, Ada, double] },
      lines: [
        `users ${Ada.id}: the e-mail is another's too but for upper and lower case -> signs in with this exact spelling`,
        `users ${double.id}: the e-mail is the one of user ${ada.id} too, letter for letter -> set aside`,
      ],
      expected: [
        { table: 'staff', id: ada.id, row: { email_key: 'twin@case.example' } },
        { table: 'staff', id: Ada.id, row: { email_key: 'Twin@case.example', email: 'Twin@case.example' } },
        { table: 'staff', id: double.id, row: null },
      ],
      setAside: [double],
    },
    {
      name: 'ids that differ in case only',
      rows: { guests: [big, small] },
      lines: [`guests ${big.id}: another row has the same id in another case -> set aside`],
      expected: [{ table: 'guests', id: small.id, row: { first_name: 'Ada' } }],
      setAside: [big],
    },
    {
      name: 'rows of no restaurant',
      rows: orphans,
      lines: Object.entries(orphans).map(
        ([kind, [row]]) => `${kind} ${row!.id}: its restaurant is not there -> set aside`,
      ),
      expected: [],
      setAside: Object.values(orphans).flat(),
    },
  ]
}

/** What only SQLite lets in: text of any length and with anything in it, in columns of any type. */
export function looseDamage({ guest, table, reservation }: Make): Damage[] {
  const long = (name: string, characters: number, max: number) =>
    `${name} has ${characters} characters, ${max} are the most -> cut; the whole row is in the file`
  const nameless = reservation({ id: null })
  const phoned = guest({ phone: '1'.repeat(30), notes: '😀'.repeat(10_001) })
  const noted = one('over-long text', 'guests', phoned, [long('notes', 10_001, 10_000), long('phone', 30, 20)], {
    phone: '1'.repeat(20),
    notes: '😀'.repeat(10_000),
  })
  return [
    { ...noted, setAside: [phoned] },
    {
      name: 'no id',
      rows: { reservations: [nameless] },
      lines: ['reservations (no id): it has no id -> set aside'],
      expected: [],
      setAside: [nameless],
    },
    one(
      'NUL',
      'guests',
      guest({ first_name: 'A\u0000da', notes: '\u0000' }),
      ['first_name', 'notes'].map(
        (name) => `${name} holds characters that can't be stored (NUL or half characters) -> removed`,
      ),
      { first_name: 'Ada', notes: '' },
    ),
    one(
      'invalid JSON',
      'guests',
      guest({ dietary_restrictions: '["vegan"' }),
      ['dietary_restrictions is no list -> kept as its only item'],
      { dietary_restrictions: ['["vegan"'] },
    ),
    one(
      'a capacity that is none',
      'restaurant_tables',
      table({ capacity: 'many' }),
      ['capacity is no whole number -> taken as 4'],
      { capacity: 4 },
    ),
    one(
      'a position that is none',
      'restaurant_tables',
      table({ position_x: 'left' }),
      ['the position is no pair of numbers -> in the middle where it is none'],
      { x: 0.5, y: 0.25 },
    ),
    one(
      'a time that is none',
      'reservations',
      reservation({ reservation_time: 'tonight' }),
      ['reservation_time is no time -> left empty'],
      {
        reservation_time: null,
      },
    ),
    one('a number as text', 'guests', guest({ party_size: '6' }), [], { party_size: 6 }),
  ]
}

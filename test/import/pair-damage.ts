import { one, type Damage, type Make } from './damage.ts'

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

import { one, type Damage, type Make } from './damage.ts'

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

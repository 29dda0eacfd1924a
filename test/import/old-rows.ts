import { randomFrom } from '../random.ts'

/** What an old database holds, made from a seed: the same every time. */

export type OldRow = Readonly<Record<string, unknown>>
export interface OldRows {
  restaurants: OldRow[]
  users: OldRow[]
  restaurant_tables: OldRow[]
  guests: OldRow[]
  reservations: OldRow[]
}

export interface Size {
  readonly restaurants: number
  readonly tables: number
  readonly guests: number
  readonly reservations: number
  readonly seed: number
}

/** Numbers, picks and ids that a seed repeats. `next(n)` is a whole number below n. */
export function numbersOf(seed: number): {
  readonly next: (n: number) => number
  readonly id: () => string
  readonly pick: <T>(all: readonly T[]) => T
} {
  const random = randomFrom(seed)
  const next = (n: number) => Math.floor(random() * n)
  const hex = (n: number) => Array.from({ length: n }, () => next(16).toString(16)).join('')
  const pick = <T>(all: readonly T[]): T => all[next(all.length)]!
  const id = () => `${hex(8)}-${hex(4)}-4${hex(3)}-${pick(['8', '9', 'a', 'b'])}${hex(3)}-${hex(12)}`
  return { next, id, pick }
}

export const OLD_PASSWORD = 'Old-Pass-1'

const WAITING = [
  'Waitlist',
  'waitlist',
  'Arrived',
  'Running Late',
  'runningLate',
  'confirmed',
  'partiallyArrived',
  'waiting',
]
const OVER = ['Finished', 'finished', 'Cancelled', 'No Show', 'no_show', 'noShow', 'completed']

/** A time of the past year as the old database has it, without a zone; whole minutes from `day` on. */
const time = (day: number, minute: number): string =>
  new Date(Date.UTC(2026, 0, 1) + day * 86_400_000 + minute * 60_000).toISOString().slice(0, 19)

/** Healthy rows only: everything means what it says. `hash` is the bcrypt hash of every user. */
export function healthyRows(size: Size, hash: string): OldRows {
  const numbers = numbersOf(size.seed)
  const rows: OldRows = { restaurants: [], users: [], restaurant_tables: [], guests: [], reservations: [] }
  const share = (total: number, i: number) =>
    Math.floor((total * (i + 1)) / size.restaurants) - Math.floor((total * i) / size.restaurants)
  for (let i = 0; i < size.restaurants; i++) {
    const id = numbers.id()
    rows.restaurants.push({
      id,
      name: `House ${i}`,
      slug: `house-${size.seed}-${i}`,
      email: `house${i}@old.example`,
      timezone: numbers.pick(['UTC', 'Europe/Berlin', 'America/New_York']),
      is_active: true,
      created_at: time(0, i),
      updated_at: time(1, i),
    })
    for (const role of ['owner', 'manager', 'staff'])
      rows.users.push({
        id: numbers.id(),
        restaurant_id: id,
        email: `${role}-${i}@seed${size.seed}.example`,
        password_hash: hash,
        first_name: 'Ada',
        role,
        is_active: true,
        created_at: time(0, i),
        updated_at: time(1, i),
      })
    const counts = {
      tables: share(size.tables, i),
      guests: share(size.guests, i),
      reservations: share(size.reservations, i),
    }
    addFloor(rows, id, counts, numbers)
  }
  return rows
}

function addFloor(
  rows: OldRows,
  restaurant_id: string,
  counts: { tables: number; guests: number; reservations: number },
  numbers: ReturnType<typeof numbersOf>,
): void {
  const tables = Array.from({ length: counts.tables }, (_, n) => ({
    id: numbers.id(),
    restaurant_id,
    table_number: String(n + 1),
    capacity: 2 + numbers.next(8),
    position_x: numbers.next(1000) / 1000,
    position_y: numbers.next(1000) / 1000,
    shape: numbers.pick(['round', 'square', 'rectangle', 'oval']),
    section: numbers.pick(['Terrace', 'Bar', null]),
    status: numbers.pick(['available', 'available', 'outOfService', 'needs_cleaning']),
    current_guest_id: null as string | null,
    is_active: true,
    created_at: time(1, n),
    updated_at: time(2 + numbers.next(180), n),
  }))
  const free = [...tables]
  for (let n = 0; n < counts.guests; n++) {
    const seated = free.length > counts.tables / 2 && n % 3 === 0
    const table = seated ? free.pop() : undefined
    const day = numbers.next(180)
    const id = numbers.id()
    const over = !table && numbers.next(10) < 8
    if (table) Object.assign(table, { status: 'occupied', current_guest_id: id })
    rows.guests.push({
      id,
      restaurant_id,
      first_name: numbers.pick(['Ada', 'Bo', 'Çelik', '李']),
      last_name: numbers.pick(['Lind', 'Okafor', "O'Hara", '']),
      phone: numbers.pick([null, '+49 30 123456']),
      party_size: 1 + numbers.next(8),
      status: table ? numbers.pick(['Seated', 'seated']) : numbers.pick(over ? OVER : WAITING),
      table_id: table?.id ?? null,
      check_in_time: time(day, n % 1000),
      seated_time: table ? time(day, (n % 1000) + 1) : null,
      finished_time: over ? time(day, (n % 1000) + 90) : null,
      dietary_restrictions: numbers.pick([null, [], ['vegan'], ['nuts', 'gluten']]),
      notes: numbers.pick([null, 'window', 'naïve 😀 \\ "quoted"']),
      created_at: time(day, n % 1000),
      updated_at: time(day + 1, n % 1000),
    })
  }
  for (let n = 0; n < counts.reservations; n++) {
    const table = n % 50 === 0 && free.length > 0 ? free.pop() : undefined
    const day = numbers.next(180)
    const id = numbers.id()
    if (table) Object.assign(table, { status: 'reserved', current_guest_id: id })
    rows.reservations.push({
      id,
      restaurant_id,
      table_id: table?.id ?? null,
      party_size: 1 + numbers.next(8),
      reservation_time: time(day + 3, n % 1000),
      duration_minutes: 90,
      guest_name: numbers.pick(['Ada Lind', 'Bo Okafor']),
      guest_phone: numbers.pick([null, '+1 555 0100']),
      status: table ? 'confirmed' : numbers.pick(['waitlist', 'confirmed', 'finished', 'cancelled', 'noShow']),
      source: 'app',
      created_at: time(day, n % 1000),
      updated_at: time(day + 1, n % 1000),
    })
  }
  rows.restaurant_tables.push(...tables)
}

export const merge = (...all: readonly Partial<OldRows>[]): OldRows => ({
  restaurants: all.flatMap((rows) => rows.restaurants ?? []),
  users: all.flatMap((rows) => rows.users ?? []),
  restaurant_tables: all.flatMap((rows) => rows.restaurant_tables ?? []),
  guests: all.flatMap((rows) => rows.guests ?? []),
  reservations: all.flatMap((rows) => rows.reservations ?? []),
})

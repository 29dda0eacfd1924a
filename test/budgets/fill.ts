import { asLogin } from '../postgres.ts'

const FLOOR = `
insert into qtable.tables (restaurant_id, id, number, capacity, x, y, shape, status, created_at, updated_at)
  select $1, gen_random_uuid(), 'F' || n, 4, 0.5, 0.5, 'round', 'available', now(), now() from generate_series(1, $2::int) n`
const GUESTS = `
insert into qtable.guests (restaurant_id, id, first_name, last_name, party_size, status, created_at, updated_at)
  select $1, gen_random_uuid(), 'G' || n, '', 2, 'waitlist', now(), now() from generate_series(1, $2::int) n`
const RESERVATIONS = `
insert into qtable.reservations (restaurant_id, id, guest_name, party_size, status, reservation_time, created_at, updated_at)
  select $1, gen_random_uuid(), 'R' || n, 2, 'confirmed', now(), now(), now() from generate_series(1, $2::int) n`

/** Gives a restaurant so many tables, guests and reservations more, without a change in its log. */
export async function fill(url: string, restaurantId: string, rows: number): Promise<void> {
  for (const sql of [FLOOR, GUESTS, RESERVATIONS]) await asLogin(url, sql, [restaurantId, rows])
}

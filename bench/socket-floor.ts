import { newEpoch } from '../src/platform/ids.ts'
import { systemClock } from '../src/platform/clock.ts'
import { Tokens } from '../src/platform/tokens.ts'
import type { Db } from '../src/platform/database/db.ts'
import { startLog } from '../src/changes/log/log.ts'
import { storeRestaurant } from '../src/restaurants/restaurants.ts'
import { storeStaff } from '../src/staff/staff.ts'
import { asSuperuser } from './floor.ts'
import { idOf } from './pairs.ts'

/** Restaurants with one guest each, and devices that are signed in, each by itself as devices are. */

export const SECRET = 'a secret key for the bench only'
const STAFF = 1_000_000
const GUESTS = 2_000_000
const SIGN_INS = 3_000_000
const PER_RESTAURANT = 1_000

/** Milliseconds of the system's steady clock, the same in every process. */
export const steadyMillis = (): number => {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1e3 + nanos / 1e6
}

/** A restaurant by its number, from 0. */
export interface Place {
  readonly restaurantId: string
  readonly staffId: string
  readonly guestId: string
}

export const placeOf = (number: number): Place => ({
  restaurantId: idOf(number + 1),
  staffId: idOf(STAFF + number),
  guestId: idOf(GUESTS + number),
})

const tokens = new Tokens(SECRET, () => Date.now() / 1000)

/** The token of a device of a restaurant, both numbers from 0. */
export function tokenOf(number: number, device: number): string {
  const sid = idOf(SIGN_INS + number * PER_RESTAURANT + device)
  return tokens.sign({ sub: placeOf(number).staffId, sid, exp: Math.floor(Date.now() / 1000) + 36_000 })
}

/** Fills an empty database. */
export async function furnish(url: string, db: Db, restaurants: number, devices: number): Promise<void> {
  const clock = systemClock()
  for (let number = 0; number < restaurants; number++) {
    const { restaurantId, staffId } = placeOf(number)
    await db.transaction({ restaurantId }, async (tx) => {
      await storeRestaurant(tx, restaurantId, `Bench ${number}`, clock.now())
      await startLog(tx, restaurantId, newEpoch(), clock.now())
      const account = { email: `owner-${number}@bench.example`, passwordHash: 'none', lastName: null, firstName: null }
      await storeStaff(tx, { restaurantId, id: staffId, role: 'owner', ...account }, clock.now())
    })
  }
  const id = (number: string) => `lpad((${number})::text, 32, '0')::uuid`
  await asSuperuser(
    url,
    `insert into guests (restaurant_id, id, first_name, last_name, party_size, status, check_in_time, created_at, updated_at)
     select ${id('n + 1')}, ${id(`${GUESTS} + n`)}, 'Ada', 'Lovelace', 2, 'waitlist', now(), now(), now()
     from generate_series(0, ${restaurants - 1}) n`,
    `insert into sign_ins (restaurant_id, id, staff_id, created_at, used_at, expires_at, token_hash)
     select ${id('n + 1')}, ${id(`${SIGN_INS} + n * ${PER_RESTAURANT} + d`)}, ${id(`${STAFF} + n`)}, now(), now(), now() + interval '1 day',
       decode(md5(n::text) || md5(d::text), 'hex')
     from generate_series(0, ${restaurants - 1}) n, generate_series(0, ${devices - 1}) d`,
  )
}

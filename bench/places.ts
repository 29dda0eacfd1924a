import { Tokens } from '../src/platform/tokens.ts'
import { idOf, SECRET } from './pairs.ts'

/** Restaurants with one guest each, and devices that are signed in, each by itself as devices are; all by numbers from 0. */

export const FIRST = { staff: 1_000_000, guest: 2_000_000, signIn: 3_000_000 }
/** Devices of a restaurant, at most. */
export const PER_RESTAURANT = 1_000

/** Milliseconds of the system's steady clock, the same in every process. */
export const steadyMillis = (): number => {
  const [seconds, nanos] = process.hrtime()
  return seconds * 1e3 + nanos / 1e6
}

/** A restaurant by its number: its id, and in whose name which guest is edited. */
export const placeOf = (number: number) => ({
  restaurantId: idOf(number + 1),
  actor: { staffId: idOf(FIRST.staff + number), role: 'owner' as const },
  guestId: idOf(FIRST.guest + number),
})

const tokens = new Tokens(SECRET, () => Date.now() / 1000)

/** The token of a device of a restaurant. */
export function tokenOf(number: number, device: number): string {
  const sid = idOf(FIRST.signIn + number * PER_RESTAURANT + device)
  return tokens.sign({ sub: placeOf(number).actor.staffId, sid, exp: Math.floor(Date.now() / 1000) + 36_000 })
}

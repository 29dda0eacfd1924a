import { Tokens } from '../src/platform/tokens.ts'
import { requestOf } from './connection.ts'
import { pairOf, SECRET, type Pair, type Where } from './pairs.ts'

/** What is sent to the HTTP door: requests of the iPad's contract. */

/** The commands that are measured, in the order that each round runs them in: what is seated is then cleared. */
export const WHATS = ['walk-in', 'status', 'seat', 'clear'] as const
export type What = (typeof WHATS)[number]

/** The party of each walk-in. It gives no phone: all would be visits of one person in the guest book, and wait for each other. */
export const WALK_IN = { firstName: 'Walk', lastName: 'In', partySize: 2, notes: 'by the window' }
const { firstName, lastName, partySize, notes } = WALK_IN

/** What the door is asked for: a command, or the dashboard. */
export type Asked = What | 'dashboard'

const requests: Record<Asked, (pair: Pair) => [method: string, path: string, body?: object]> = {
  'walk-in': () => ['POST', '/guests', { first_name: firstName, last_name: lastName, party_size: partySize, notes }],
  status: ({ pairId }) => ['PUT', `/guests/${pairId}`, { status: 'Arrived' }],
  seat: ({ pairId }) => ['PUT', `/guests/${pairId}`, { status: 'Seated', table_id: pairId }],
  clear: ({ pairId }) => ['PUT', `/tables/${pairId}/clear`],
  dashboard: () => ['GET', '/dashboard-data'],
}

/** Writes requests in the name of each restaurant's owner. */
export function writer(): (what: Asked, where: Where, index: number) => string {
  const tokens = new Tokens(SECRET)
  const exp = Math.floor(Date.now() / 1000) + 3_600
  const known = new Map<string, string>()
  return (what, where, index) => {
    const pair = pairOf(where, index)
    const { restaurantId, staffId } = pair
    const token = known.get(staffId) ?? tokens.sign({ sub: staffId, exp })
    known.set(staffId, token)
    const [method, path, body] = requests[what](pair)
    return requestOf(method, `/restaurants/${restaurantId}${path}`, token, body)
  }
}

import { Tokens } from '../src/platform/tokens.ts'
import { pairOf, type Pair, type Where } from './pairs.ts'

/** What is sent to the HTTP door: the iPad's contract, as texts of HTTP/1.1. */

/** The commands that are measured, in the order that each round runs them in: what is seated is then cleared. */
export const WHATS = ['walk-in', 'status', 'seat', 'clear'] as const
export type What = (typeof WHATS)[number]

/** The party of each walk-in. */
export const WALK_IN = { firstName: 'Walk', lastName: 'In', partySize: 2, phone: '+1 555 0100', notes: 'by the window' }

/** What the door is asked for: a command, or the dashboard. */
export type Asked = What | 'dashboard'

interface Request {
  readonly method: string
  readonly path: string
  readonly body?: object
}

const requests: Record<Asked, (pair: Pair) => Request> = {
  'walk-in': () => ({
    method: 'POST',
    path: '/guests',
    body: {
      first_name: WALK_IN.firstName,
      last_name: WALK_IN.lastName,
      party_size: WALK_IN.partySize,
      phone: WALK_IN.phone,
      notes: WALK_IN.notes,
    },
  }),
  status: ({ pairId }) => ({ method: 'PUT', path: `/guests/${pairId}`, body: { status: 'Arrived' } }),
  seat: ({ pairId }) => ({ method: 'PUT', path: `/guests/${pairId}`, body: { status: 'Seated', table_id: pairId } }),
  clear: ({ pairId }) => ({ method: 'PUT', path: `/tables/${pairId}/clear` }),
  dashboard: () => ({ method: 'GET', path: '/dashboard-data' }),
}

const TOKEN_SECONDS = 3_600

/** Writes requests in the name of each restaurant's owner. `secret`: that of the server. */
export function writer(secret: string): (what: Asked, where: Where, index: number) => string {
  const tokens = new Tokens(secret)
  const exp = Math.floor(Date.now() / 1000) + TOKEN_SECONDS
  const known = new Map<string, string>()
  const tokenOf = (staffId: string): string => {
    const token = known.get(staffId) ?? tokens.sign({ sub: staffId, exp })
    known.set(staffId, token)
    return token
  }
  return (what, where, index) => {
    const pair = pairOf(where, index)
    const { method, path, body } = requests[what](pair)
    const text = body ? JSON.stringify(body) : ''
    const type = body ? 'content-type: application/json\r\n' : ''
    return (
      `${method} /restaurants/${pair.restaurantId}${path} HTTP/1.1\r\nhost: bench\r\n${type}` +
      `authorization: Bearer ${tokenOf(pair.staffId)}\r\ncontent-length: ${text.length}\r\n\r\n${text}`
    )
  }
}

import type { Instant } from '../../platform/clock.ts'
import type { Refusal } from '../../changes/rules.ts'
import {
  given,
  partyAt,
  unknownTable,
  vacated,
  type Party,
  type TableState,
  type TableStatus,
} from '../../tables/rules.ts'
import { timesOf, type Effect, type Floor, type PartyState } from '../rules.ts'

/**
 * How parties and tables come together and part: who is displaced, which tables are joined, and how a party leaves. Pure and
 * total. The server, the client and the web share this file.
 */

/** The party of a table loses it to another: a guest goes back to the waitlist, a reservation keeps its status. Spec: G7. */
export function displaced(table: TableState): readonly Effect[] {
  const party = partyAt(table)
  if (party === null) return []
  const { kind, id } = party
  if (kind === 'reservation') return [{ kind, id, set: { tableId: null }, event: 'table-lost' }]
  return [
    {
      kind,
      id,
      set: { status: 'waitlist', tableId: null, serverId: null, seatedTime: null, endedAt: null },
      event: 'displaced',
    },
  ]
}

/** The tables of the party at this one: its first, then those joined to it. A table on its own is all. Spec: T11. */
export function groupOf(floor: Floor, table: TableState): readonly TableState[] {
  const first = floor.get('table', table.joinedTo) ?? table
  return [first, ...first.joined.flatMap((id) => floor.get('table', id) ?? [])]
}

/** The tables that a command names, each once, or the refusal of one that is not there. */
export function tablesNamed(floor: Floor, ids: readonly string[]): Refusal | readonly TableState[] {
  const unknown = ids.find((id) => !floor.get('table', id))
  return unknown === undefined ? [...new Set(ids)].map((id) => floor.get('table', id)!) : unknownTable(unknown)
}

/** A party takes tables: its first, and those joined to it. `before`: who else was there goes. Spec: G7, T11. */
export function takes(party: Party, tables: readonly TableState[], status: TableStatus = 'occupied') {
  const others = new Map(
    tables.flatMap((table) => {
      const other = partyAt(table)
      return other && other.id !== party.id ? [[other.id, table] as const] : []
    }),
  )
  const [first, ...joined] = tables as readonly [TableState, ...TableState[]]
  const joint = { joinedTo: null, joined: joined.map(({ id }) => id) }
  return {
    before: [...others.values()].flatMap(displaced),
    // The first comes last: a party is never the first party of two tables, even between two statements.
    after: [
      ...joined.map((table) => given(table, party, status, { joinedTo: first.id, joined: [] })),
      given(first, party, status, joint),
    ],
  }
}

/** The effects, and what follows from them: a party that leaves a table leaves those that are joined to it. Spec: T11. */
export function withJoined(floor: Floor, effects: readonly Effect[]): readonly Effect[] {
  const named = new Set(effects.flatMap(({ kind, id }) => (kind === 'table' ? [id] : [])))
  const more: Effect[] = []
  for (const effect of effects) {
    const table = effect.kind === 'table' && effect.set ? floor.get('table', effect.id) : undefined
    if (!table || keepsParty(table, effect.set as Partial<TableState>)) continue
    for (const other of groupOf(floor, table)) {
      if (named.has(other.id)) continue
      named.add(other.id)
      more.push(effect.event === 'cleared' ? { ...effect, id: other.id } : vacated(other))
    }
  }
  return more.length === 0 ? effects : [...effects, ...more]
}

const keepsParty = (table: TableState, { guestId, reservationId }: Partial<TableState>): boolean =>
  partyAt(table) === null ||
  ((guestId === undefined || guestId === table.guestId) &&
    (reservationId === undefined || reservationId === table.reservationId))

/**
 * How a party leaves its table. `cleared`: a guest has finished, whatever its status. `freed`: a seated party has finished,
 * another only loses the table. `unlinked`: the party only loses the table.
 */
export type Leaving = 'cleared' | 'freed' | 'unlinked'

/** The party of a table leaves it. Spec: G11, G12. */
export function left(floor: Floor, table: TableState, how: Leaving, now: Instant): readonly Effect[] {
  const guest = floor.get('guest', table.guestId)
  if (guest) {
    const finishes = how === 'cleared' || (how === 'freed' && guest.status === 'seated')
    const event = how === 'cleared' ? 'cleared' : finishes ? 'status-changed' : 'table-changed'
    return [{ kind: 'guest', id: guest.id, set: afterwards(guest, finishes, now), event }]
  }
  const held = floor.get('reservation', table.reservationId)
  if (!held) return []
  const finishes = how !== 'unlinked' && held.status === 'seated'
  const event = finishes ? 'status-changed' : 'table-lost'
  return [{ kind: 'reservation', id: held.id, set: afterwards(held, finishes, now), event }]
}

const afterwards = (party: PartyState, finishes: boolean, now: Instant): Partial<PartyState> =>
  finishes ? { ...timesOf(now, party, 'finished'), status: 'finished', tableId: null } : { tableId: null }

import type { Instant } from '../../platform/clock.ts'
import { isOver, type PartyStatus } from '../../parties/rules.ts'
import type { TableStatus } from '../../tables/rules.ts'
import type { Problem } from '../old/fields.ts'

/** Who is at which table, where the old database may say two things at once. Pure. Spec: I5. */

/** A table that is there: what it says of itself. */
export interface TableClaim {
  readonly id: string
  readonly number: string
  readonly status: TableStatus
  /** The party that it names, or null. `unknown` and the like are told as they are. */
  readonly names: PartyKey | { readonly nobody: string } | null
}

/** A guest or a reservation, by the id in QTable. */
export interface PartyKey {
  readonly kind: 'guest' | 'reservation'
  readonly id: string
}

/** A party that names a table, or is named by one. */
export interface PartyClaim extends PartyKey {
  readonly status: PartyStatus
  /** The table that it names: its id, or what is wrong with it, or null. */
  readonly at: { readonly tableId: string } | { readonly nowhere: string } | null
  readonly seatedTime: Instant | null
  readonly updatedAt: Instant
}

/** What becomes of a table. */
export interface TablePlace {
  readonly status: TableStatus
  readonly party: PartyKey | null
  readonly problems: readonly Problem[]
}

/** What becomes of a party. */
export interface PartyPlace {
  readonly status: PartyStatus
  readonly tableId: string | null
  /** It was thrown off a table: its seating time goes too. */
  readonly unseated: boolean
  readonly problems: readonly Problem[]
}

export const keyOf = ({ kind, id }: PartyKey): string => `${kind} ${id}`

/** Puts every party at one table at most, and at every table one party at most. Parties without an entry are at no table. */
export function pairUp(
  tables: readonly TableClaim[],
  parties: readonly PartyClaim[],
): { tables: Map<string, TablePlace>; parties: Map<string, PartyPlace> } {
  const known = new Map(parties.map((party) => [keyOf(party), party]))
  const numbers = new Map(tables.map(({ id, number }) => [id, number]))
  const namedBy = new Map<string, TableClaim>()
  for (const table of tables)
    if (table.names && 'kind' in table.names && !namedBy.has(keyOf(table.names))) namedBy.set(keyOf(table.names), table)

  const candidates = new Map<string, PartyClaim[]>(tables.map(({ id }) => [id, []]))
  for (const party of parties) {
    const wanted = wantedTable(party, namedBy.get(keyOf(party)))
    if (wanted !== null) candidates.get(wanted)?.push(party)
  }
  const placedTables = new Map<string, TablePlace>()
  const winners = new Map<string, string>()
  for (const table of tables) {
    const names = (party: PartyClaim) => namedBy.get(keyOf(party)) === table
    const [winner] = candidates.get(table.id)!.sort((a, b) => (rank(b, names(b)) < rank(a, names(a)) ? -1 : 1))
    if (winner) winners.set(keyOf(winner), table.id)
    placedTables.set(table.id, placeOf(table, winner, known))
  }
  const placedParties = new Map<string, PartyPlace>()
  for (const party of parties)
    placedParties.set(
      keyOf(party),
      partyPlace(party, winners.get(keyOf(party)) ?? null, namedBy.get(keyOf(party)), numbers),
    )
  return { tables: placedTables, parties: placedParties }
}

/** The table that a party may get, or null. */
function wantedTable(party: PartyClaim, namedBy: TableClaim | undefined): string | null {
  if (isOver(party.status)) return null
  if (party.at && 'tableId' in party.at) {
    // A reservation has a table when the table says so too; one that only plans to has lost it to someone since.
    const holds = party.kind === 'guest' || party.status === 'seated' || namedBy?.id === party.at.tableId
    return holds ? party.at.tableId : null
  }
  if (!namedBy) return null
  // A guest who waits, named by a table that says it is taken, has left it.
  const left = party.kind === 'guest' && party.status !== 'seated' && namedBy.status === 'occupied'
  return left ? null : namedBy.id
}

/** Greater is stronger: who is seated, of those who came last, then whom the table names, then who was changed last. */
function rank(party: PartyClaim, named: boolean): string {
  const seated = party.status === 'seated'
  const time = (at: Instant | null) => at ?? '0000-00-00T00:00:00.000000Z'
  return [
    seated ? 1 : 0,
    seated ? time(party.seatedTime) : time(null),
    named ? 1 : 0,
    time(party.updatedAt),
    party.id,
  ].join(' ')
}

function placeOf(
  table: TableClaim,
  winner: PartyClaim | undefined,
  known: ReadonlyMap<string, PartyClaim>,
): TablePlace {
  const problems: Problem[] = []
  const { names } = table
  if (!winner) {
    if (names) problems.push({ wrong: whyNot(table, known), done: 'names nobody now' })
    const stale = table.status === 'occupied' || (names !== null && table.status === 'reserved')
    if (stale) problems.push({ wrong: `is ${table.status} and has no party`, done: 'available now' })
    return { status: stale ? 'available' : table.status, party: null, problems }
  }
  const party: PartyKey = { kind: winner.kind, id: winner.id }
  if (!names) problems.push({ wrong: `names nobody, and ${keyOf(party)} is there`, done: 'names that party now' })
  else if (!('kind' in names)) problems.push({ wrong: names.nobody, done: `names ${keyOf(party)} now, who is there` })
  else if (keyOf(names) !== keyOf(party))
    problems.push({ wrong: `names ${keyOf(names)}, and ${keyOf(party)} is there`, done: 'names the latter now' })
  if (table.status !== 'available') return { status: table.status, party, problems }
  const status = winner.kind === 'guest' || winner.status === 'seated' ? 'occupied' : 'reserved'
  problems.push({ wrong: `is available and has ${keyOf(party)}`, done: `${status} now` })
  return { status, party, problems }
}

function whyNot({ names }: TableClaim, known: ReadonlyMap<string, PartyClaim>): string {
  if (names && 'nobody' in names) return names.nobody
  const party = names && known.get(keyOf(names))
  if (!party) return 'names a party that is not there'
  if (isOver(party.status)) return `names ${keyOf(party)}, whose visit is over`
  return party.at && 'tableId' in party.at
    ? `names ${keyOf(party)}, who is at another table`
    : `names ${keyOf(party)}, who has left it`
}

function partyPlace(
  party: PartyClaim,
  tableId: string | null,
  namedBy: TableClaim | undefined,
  numbers: ReadonlyMap<string, string>,
): PartyPlace {
  const problems: Problem[] = []
  const { at, status } = party
  const own = at && 'tableId' in at ? at.tableId : null
  if (tableId !== null) {
    if (own === null)
      problems.push({
        wrong: at && 'nowhere' in at ? at.nowhere : 'names no table, and a table names it',
        done: `at table ${numbers.get(tableId)} now, which names it`,
      })
    return { status, tableId, unseated: false, problems }
  }
  if (isOver(status)) {
    if (at) problems.push({ wrong: 'the visit is over and a table is named', done: 'at no table now' })
    return { status, tableId, unseated: false, problems }
  }
  const lost = at !== null || (namedBy !== undefined && status === 'seated')
  if (!lost) return { status, tableId, unseated: false, problems }
  const wrong =
    at && 'nowhere' in at ? at.nowhere : `table ${numbers.get(own ?? namedBy!.id)} has another party or none`
  if (party.kind === 'guest' && status === 'seated') {
    problems.push({ wrong: `is seated, and ${wrong}`, done: 'on the waitlist now, at no table' })
    return { status: 'waitlist', tableId, unseated: true, problems }
  }
  problems.push({ wrong, done: `at no table now, still ${status}` })
  return { status, tableId, unseated: false, problems }
}

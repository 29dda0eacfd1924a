import type { Instant } from '../platform/clock.ts'
import { decideHoldTable } from '../tables/life/rules.ts'
import { ENDED_WITH_TABLE, isOver, type Decision, type Effect, type Floor } from '../parties/rules.ts'
import { servedBy } from '../parties/service/rules.ts'
import { displaced, left } from '../parties/tables/rules.ts'
import { sentOf, type Refusal } from '../changes/rules.ts'
import {
  BARE,
  freed,
  marksOf,
  partyAt,
  partyColumns,
  refuseTables,
  refuseUnseen,
  vacated,
  withSection,
  type Insistence,
  type TableEffect,
  type TableEvent,
  type TableState,
  type TableStatus,
} from '../tables/rules.ts'

/**
 * What commands do that change a table and the parties at it: which are refused and why, and what the others change. The
 * order of the checks is the order of the refusals. Pure. The server and the client share this file.
 */

/** Which table a command is about, and the version that the host saw. */
interface About {
  readonly tableId: string
  readonly version?: number | undefined
}

/** What is wanted of a table. `partyId`: an id seats that party there, null takes the party away, undefined says nothing. */
interface TableChange extends Insistence {
  readonly status?: TableStatus | undefined
  readonly partyId?: string | null | undefined
  readonly number?: string | undefined
  readonly capacity?: number | undefined
  readonly section?: string | null | undefined
}

/** A table is free again, whatever it was, and a guest who had it has finished. Spec: G11. */
export function decideClearTable(
  floor: Floor,
  { tableId, version, needsCleaning }: About & { readonly needsCleaning?: boolean | undefined },
  now: Instant,
): Decision {
  const table = floor.get('table', tableId)
  const unseen = refuseUnseen(tableId, table, version)
  if (unseen) return unseen
  const after = freed(table!, 'cleared')
  const dirty = { ...after, set: { ...after.set, status: 'needs_cleaning' as const } }
  return [...left(floor, table!, 'cleared', now), needsCleaning ? dirty : after]
}

/** A table's facts, its status and its party in one go. Spec: T5, G12. */
export function decideUpdateTable(floor: Floor, input: About & TableChange, now: Instant): Decision {
  const { tableId, version, status, partyId, takeOver, force, ...sent } = input
  const table = floor.get('table', tableId)
  const unseen = refuseUnseen(tableId, table, version)
  if (unseen) return unseen
  const facts = withSection(table!, sentOf(sent))
  const becomes = (set: Partial<TableState>, event: TableEvent): TableEffect => ({
    kind: 'table',
    id: tableId,
    set: { ...facts, ...set },
    event,
  })
  const party = partyAt(table!)
  if (status === 'available') {
    const event = partyId ? 'assigned' : party ? 'freed' : 'edited'
    return [...left(floor, table!, 'freed', now), becomes({ ...BARE, status }, event)]
  }
  if (partyId) return seated(floor, { ...table!, ...facts }, partyId, { status, takeOver, force }, becomes, now)
  const edited = { status: status ?? table!.status, ...marksOf(table!, status ?? table!.status) }
  if (partyId === null && party)
    return [...left(floor, table!, 'unlinked', now), becomes({ ...BARE, ...edited }, 'edited')]
  return [becomes(edited, status === 'occupied' ? 'assigned' : 'edited')]
}

/** A party that is named at a table moves there, a guest or a reservation. */
function seated(
  floor: Floor,
  table: TableState,
  partyId: string,
  { status, ...insistence }: Insistence & Pick<TableChange, 'status'>,
  becomes: (set: Partial<TableState>, event: TableEvent) => Effect,
  now: Instant,
): Decision {
  const reservation = floor.get('reservation', partyId)
  const party = reservation ?? floor.get('guest', partyId)
  if (!party) return unknownParty(partyId)
  const kind = reservation ? 'reservation' : 'guest'
  const holds = reservation && reservation.status !== 'seated' ? 'reserved' : 'occupied'
  // One that is there already keeps the tables that are joined.
  if (partyAt(table)?.id === partyId) return [becomes({ status: status ?? holds }, 'assigned')]
  const taken = becomes({ ...BARE, status: status ?? holds, ...partyColumns({ kind, id: partyId }) }, 'assigned')
  if (isOver(party.status) && !insistence.force) return ENDED_WITH_TABLE
  const from = floor.get('table', party.tableId)
  return (
    refuseTables(party, [table], insistence, now) ?? [
      ...displaced(table),
      {
        kind,
        id: partyId,
        set: { tableId: table.id, serverId: servedBy(party, party.status, table) },
        event: 'table-changed',
      },
      ...(from ? [vacated(from)] : []),
      taken,
    ]
  )
}

const unknownParty = (partyId: string): Refusal => ({
  code: 'unknown-party',
  status: 422,
  message: 'There is no such guest or reservation to sit there',
  details: { partyId },
})

/** A table is held, for a party that is there if one is named. Spec: T9. */
export function decideHold(
  floor: Floor,
  input: Parameters<typeof decideHoldTable>[1],
  now: Instant,
): Refusal | TableEffect {
  const decision = decideHoldTable(floor.get('table', input.tableId), input, now)
  const { partyId } = input
  if ('code' in decision || partyId === null) return decision
  return (floor.get('reservation', partyId) ?? floor.get('guest', partyId)) ? decision : unknownParty(partyId)
}

import { z } from 'zod'
import { idField } from '../platform/fields.ts'
import { LostRace, type Write } from '../changes/command/command.ts'
import { joinedField, lockedFloor } from '../parties/parties.ts'
import { type Decision, type Effect } from '../parties/rules.ts'
import { withJoined } from '../parties/tables/rules.ts'
import { applyToReservation, lockReservation } from '../reservations/reservations.ts'
import { servers } from '../sections/sections.ts'
import type { Party } from '../tables/rules.ts'
import { decided } from '../changes/decided.ts'
import { applyToTable, lockTables } from '../tables/tables.ts'
import { applyToGuest, lockGuests } from './guests.ts'

/** Around the decisions about who sits where: what they look at is locked before them, what they say is stored after them. */

/** The tables that a party is to take: one, others that are joined to it, and how far the host insists. */
export const taking = {
  tableId: idField,
  joinedTableIds: joinedField,
  force: z.boolean().optional(),
}

/** Locks a guest, the tables it is at, those it wants and a server, in the ladder's order. */
export async function lockParty(
  w: Write,
  guestId: string,
  wanted: readonly string[] = [],
  serverId?: string,
): Promise<void> {
  await Promise.all([
    lockTables(w, wanted, [guestId]),
    serverId === undefined ? null : servers.lock(w, [serverId]),
    lockGuests(w, [guestId]),
  ])
}

/** Locks the party at a table, in the ladder's order: a reservation before guests. Throws `LostRace` where it is gone. */
export async function lockPartyAt(w: Write, { kind, id }: Party): Promise<void> {
  const isThere = kind === 'guest' ? (await lockGuests(w, [id])).has(id) : await lockReservation(w, id)
  if (!isThere) throw new LostRace('the party at the table is gone')
}

/**
 * Stores what was decided, in the order of the effects: so no two parties are at one table and no party is at two, even
 * between two statements. Throws the refusal.
 */
export async function apply(w: Write, decision: Decision): Promise<void> {
  const effects = withJoined(lockedFloor(w), decided(decision))
  for (const { kind, id } of effects) {
    // Who loses a table to another is locked only once it is sure that it does.
    if (kind !== 'table' && w.locked.of(kind, id) === undefined) await lockPartyAt(w, { kind, id })
  }
  await Promise.all(effects.map((effect) => store(w, effect)))
}

function store(w: Write, effect: Effect): Promise<unknown> {
  if (effect.kind === 'table') return applyToTable(w, effect)
  return effect.kind === 'guest' ? applyToGuest(w, effect) : applyToReservation(w, effect)
}

import { z } from 'zod'
import { idField, instantField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { guestEntity, guestSchema, type Guest, type GuestEvent, type GuestFacts } from './guests.ts'
import { changeParty, lockParty } from './seating.ts'
import { entryOf, PARTY_STATUSES, phaseOf, PHASES } from '../parties/rules.ts'

const input = z.strictObject({
  guestId: idField,
  ...guestEntity.edited,
  checkInTime: instantField.optional(),
  seatedTime: instantField.optional(),
  finishedTime: instantField.optional(),
  status: z.enum(PARTY_STATUSES).optional(),
  /** The status in three words: it changes only a guest who is in another phase. */
  phase: z.enum(PHASES).optional(),
  tableId: idField.nullable().optional(),
  takeOver: z.boolean().optional(),
  force: z.boolean().optional(),
  version: versionField,
})

/** Any of a guest's facts, status and table, in one go. What isn't sent stays. Spec: G3 to G9. */
export const updateGuest = command({
  name: 'update-guest',
  summary: "Change a guest's facts, status and table in one go",
  method: 'PATCH',
  path: '/guests/:guestId',
  role: 'host',
  inBatch: true,
  budget: [7, 2],
  input,
  answer: guestSchema,
  async run(
    w,
    { guestId, version, phase, tableId, takeOver, force, checkInTime, seatedTime, finishedTime, ...rest },
  ): Promise<Guest> {
    const party = await lockParty(w, guestId, tableId, version)
    const { status: said, ...sent } = rest
    const status = said ?? (phase && phase !== phaseOf(party.guest.status) ? entryOf[phase] : undefined)
    const event: GuestEvent =
      status !== undefined ? 'status-changed' : tableId !== undefined ? 'table-changed' : 'edited'
    const times = { checkInTime, seatedTime, finishedTime }
    return changeParty(w, party, { facts: given(sent), times, status, tableId, takeOver, force, event })
  },
})

/** The facts that were sent: an absent one says nothing, null empties. */
function given(sent: { [K in keyof GuestFacts]?: GuestFacts[K] | undefined }): Partial<GuestFacts> {
  return Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== undefined))
}

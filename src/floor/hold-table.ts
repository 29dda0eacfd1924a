import { z } from 'zod'
import { idField, instantField, textField, versionField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { command } from '../changes/command/command.ts'
import { apply } from '../guests/seating.ts'
import { lockedFloor } from '../parties/parties.ts'
import { lockTables, tableSchema, type Table } from '../tables/tables.ts'
import { decideHold } from './rules.ts'
import { lockComer } from './update-table.ts'

/** A free table is held. It frees itself at its time. Spec: T9. */
export const holdTable = command({
  name: 'hold-table',
  summary: 'Hold a free table until a time, for a party or a reason',
  method: 'POST',
  path: '/tables/:tableId/hold',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({
    tableId: idField,
    until: instantField.nullable().default(null),
    partyId: idField.nullable().default(null),
    reason: textField(limits.reasonCharacters).nullable().default(null),
    version: versionField,
  }),
  answer: tableSchema,
  async run(w, input): Promise<Table> {
    await lockTables(w, [input.tableId])
    if (input.partyId !== null) await lockComer(w, input.partyId)
    const decision = decideHold(lockedFloor(w), input, w.now)
    await apply(w, 'code' in decision ? decision : [decision])
    return w.locked.of<Table>('table', input.tableId)!
  },
})

import { z } from 'zod'
import { factsIn, initialOf } from '../platform/field.ts'
import { idField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { command } from '../changes/command/command.ts'
import { lockTables, readTables, tableSchema, type Table } from '../tables/tables.ts'
import { placeTable } from '../tables/add-table.ts'
import { tableFields } from '../tables/fields.ts'
import { changeTable, tableChange } from './update-table.ts'

/** One table of a plan. */
export const plannedTable = tableChange.extend({ id: idField.optional() })

/** What a new table is when nothing else is sent. */
const UNSAID = { ...initialOf(tableFields), capacity: 4, x: 0.5, y: 0.5 }

/**
 * Changes and adds many tables at once, as a device stores its whole plan. An item with an id changes that table. An
 * item with only a number changes the table of that number or adds it. An item with neither is ignored. All or
 * nothing. Spec: T6.
 */
export const arrangeTables = command({
  name: 'arrange-tables',
  summary: 'Change and add many tables at once',
  method: 'POST',
  path: '/tables/arrange',
  role: 'host',
  inBatch: false,
  budget: [4, 2],
  input: z.strictObject({ tables: z.array(plannedTable).max(limits.listItems) }),
  answer: z.array(tableSchema),
  async run(w, { tables }): Promise<Table[]> {
    const named = tables.filter((each) => each.id !== undefined || each.number !== undefined)
    const byNumber = new Map((await readTables(w.tx, w.restaurantId)).map((table) => [table.number, table.id]))
    const idOf = (each: z.output<typeof plannedTable>) => each.id ?? byNumber.get(each.number ?? '')
    // Lock all tables first, in the ladder's order: two devices that store their plans at once wait for each other.
    await lockTables(
      w,
      named.map(idOf).filter((id) => id !== undefined),
    )
    const touched = new Map<string, Table>()
    for (const each of named) {
      const { id: _, ...change } = each
      let id = idOf(each)
      if (id === undefined) {
        const { number = '' } = change
        const made = await placeTable(w, { ...UNSAID, ...factsIn(tableFields, change), number })
        id = made.id
        byNumber.set(number, id)
        touched.set(id, made)
        if (change.status === undefined && change.partyId === undefined) continue
      }
      const changed = await changeTable(w, id, change)
      const old = [...byNumber].find(([, each]) => each === id)?.[0]
      if (old !== undefined) byNumber.delete(old)
      byNumber.set(changed.number, id)
      touched.set(id, changed)
    }
    return [...touched.values()]
  },
})

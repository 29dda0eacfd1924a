import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import { command, type Command, type Write } from '../changes/command/command.ts'
import { addTable } from '../tables/add-table.ts'
import { lockTables } from '../tables/tables.ts'
import { removeTable } from '../tables/remove-table.ts'
import { addReservation } from '../reservations/add-reservation.ts'
import { cancelReservation } from '../reservations/cancel-reservation.ts'
import { updateReservation } from '../reservations/update-reservation.ts'
import { lockReservations } from '../reservations/reservations.ts'
import { addGuest } from '../guests/add-guest.ts'
import { clearTable } from './clear-table.ts'
import { deleteGuest } from '../guests/delete-guest.ts'
import { lockGuests } from '../guests/guests.ts'
import { moveGuest } from '../guests/move-guest.ts'
import { seatGuest } from '../guests/seat-guest.ts'
import { setGuestStatus } from '../guests/set-guest-status.ts'
import { updateGuest } from '../guests/update-guest.ts'
import { updateTable } from './update-table.ts'

/** What may stand in a batch. */
const parts = [
  addTable,
  updateTable,
  clearTable,
  removeTable,
  addReservation,
  updateReservation,
  cancelReservation,
  addGuest,
  updateGuest,
  setGuestStatus,
  seatGuest,
  moveGuest,
  deleteGuest,
] as const satisfies readonly Command[]
const byName = new Map<string, Command>(parts.map((part) => [part.name, part]))
const operationOf = <P extends Command>({ name, input }: P) => z.strictObject({ command: z.literal(name), input })
const operation = z.discriminatedUnion('command', [operationOf(parts[0]), ...parts.slice(1).map(operationOf)])

/** The kind of entity that a part changes; it is told as `batched`, which keeps apart what was asked for from what that moved. */
const kinds: Record<string, 'guest' | 'table' | undefined> = {
  'update-guest': 'guest',
  'update-table': 'table',
}

/** A list of commands with their inputs: at most two lists of `limits.listItems`, as the iPad sends guests and tables. */
export const operations = z.array(operation).max(2 * limits.listItems)

/** Many commands in one transaction and one change: all of them or none. A refusal says which operation it was. Spec: B1. */
export const runBatch = command({
  name: 'run-batch',
  summary: 'Run many commands in one transaction: all or none',
  method: 'POST',
  path: '/batch',
  role: 'host',
  announcesNothing: true,
  input: z.strictObject({ operations }),
  answer: z.object({ results: z.array(z.unknown()) }),
  async run(w, input): Promise<{ results: unknown[] }> {
    const results: unknown[] = []
    await lockAll(w, input.operations)
    for (const [index, part] of input.operations.entries()) {
      try {
        results.push(await runPart(w, part.command, part.input))
      } catch (error) {
        if (!(error instanceof AppError) || error.status >= 500) throw error
        throw new AppError(error.code, error.status, error.message, { ...error.details, index })
      }
    }
    return { results }
  },
})

/**
 * Locks what the parts of a batch name, the tables of the parties they name and the parties of those tables, in the ladder's order: batches that share anything wait for each other at the
 * start, whatever the order of their parts.
 */
export async function lockAll(w: Write, list: readonly { readonly input: unknown }[]): Promise<void> {
  const named = (...fields: string[]) => {
    const values = list.flatMap(({ input }) => fields.map((name) => (input as Record<string, unknown>)[name]))
    return [...new Set(values.filter((value) => typeof value === 'string'))]
  }
  const wanted = named('guestId', 'reservationId', 'partyId')
  const tables = await lockTables(w, named('tableId'), wanted)
  const there = [...tables.values()].flatMap(({ guestId, reservationId }) => [guestId, reservationId])
  const parties = [...new Set([...wanted, ...there.filter((id) => id !== null)])]
  await lockReservations(w, parties)
  await lockGuests(w, parties)
}

/** Runs one command of a list within the transaction of another. */
export async function runPart(w: Write, name: string, input: unknown): Promise<unknown> {
  const part = byName.get(name)!
  const result = await part.run(w, input)
  const kind = kinds[name]
  if (kind) {
    const entity = result as { readonly id: string; readonly version: number }
    w.put(kind, entity.id, 'batched', entity.version, entity)
  }
  return result
}

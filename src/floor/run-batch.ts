import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import { command, type Command, type Write } from '../changes/command/command.ts'
import { completed, type Given } from '../changes/input.ts'
import { lockTables } from '../tables/tables.ts'
import { lockReservations } from '../reservations/reservations.ts'
import { lockGuests } from '../guests/guests.ts'
import { floorCommands, nouns, type Kind, type Part } from './nouns.ts'

const parts = floorCommands.filter((each): each is Part => each.inBatch)
const byName = new Map<string, Command>(parts.map((part) => [part.name, part]))
const shapeOf = <P extends Part>({ name, input }: P) => z.strictObject({ command: z.literal(name), input })
const [first, ...others] = parts.map(shapeOf)
const operationShape = z.discriminatedUnion('command', [first!, ...others])

/** A command of a batch, with its input. */
export type Operation = z.output<typeof operationShape>

/** An operation from a door that has checked every value itself. */
export const operation = <P extends Part>({ name, input }: P, given: Given<P['input']>): Operation => ({
  command: name,
  input: completed<P['input']>(input, given),
})

/** Parts whose entity is told as `batched`: the iPad keeps apart what a list asked for and what that moved besides. */
const batched: Readonly<Partial<Record<Part['name'], Kind>>> = {
  'update-guest': 'guest',
  'update-table': 'table',
}

/**
 * A list of commands with their inputs. The limit is twice `limits.listItems`, because the iPad sends guests and
 * tables.
 */
export const operations = z.array(operationShape).max(2 * limits.listItems)

/** Many commands in one transaction and one change: all of them or none. A refusal names its operation. Spec: B1. */
export const runBatch = command({
  name: 'run-batch',
  summary: 'Run many commands in one transaction: all or none',
  method: 'POST',
  path: '/batch',
  role: 'host',
  inBatch: false,
  budget: [6, 3],
  announcesNothing: true,
  input: z.strictObject({ operations }),
  answer: z.object({ results: z.array(z.unknown()) }),
  async run(w, input): Promise<{ results: unknown[] }> {
    const results: unknown[] = []
    await lockAll(w, input.operations)
    for (const [index, part] of input.operations.entries()) {
      try {
        results.push(await runPart(w, part))
      } catch (error) {
        if (!(error instanceof AppError) || error.status >= 500) throw error
        throw new AppError(error.code, error.status, error.message, { ...error.details, index })
      }
    }
    return { results }
  },
})

/**
 * Locks the entities that the parts of a batch name, the tables of the parties they name and the parties of those
 * tables, in the ladder's order. So batches that share anything wait for each other at the start, whatever the order
 * of their parts.
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
  // What is locked by now is not asked for again.
  for (const noun of nouns) await noun.lock(w, named(`${noun.kind}Id`))
}

/** Runs one command of a list within the transaction of another command. */
export async function runPart(w: Write, { command: name, input }: Operation): Promise<unknown> {
  const part = byName.get(name)!
  const result = await part.run(w, input)
  const kind = batched[name]
  if (kind) {
    const entity = result as { readonly id: string; readonly version: number }
    w.put(kind, entity.id, 'batched', entity.version, entity)
  }
  return result
}

import { place, type CommandName, type Inputs, type Results } from './commands.ts'
import type { Floor } from './floor.ts'
import { newId } from './ids.ts'
import type { Mutation } from './mutations.ts'
import type { Settled } from './queued.ts'
import { ways } from './reduce.ts'

/** A mutation on its way. */
export interface Sent<Result = unknown> {
  /** Of the mutation. */
  readonly id: string
  /** Of the entity that the command makes; null for commands that make none. */
  readonly made: string | null
  /** It is on the device and can't be lost. Rejects with `ClientError` storage; then it is not shown and not sent. */
  readonly stored: Promise<void>
  /** The server has decided, after however long. Lasts as long as this process; after a restart look at `pendingCount` and `conflicts`. */
  readonly settled: Promise<Settled<Result>>
}

type Camel<Text extends string> = Text extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Text

/** One method for each command: `seatGuest({guestId, tableId})`. */
export type Methods = {
  readonly [Name in CommandName as Camel<Name>]: (input: Inputs[Name]) => Sent<Results[Name]>
}

const camel = (name: string): string => name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** A method for each command, all of which call `mutate`. */
export const methodsOf = (mutate: (name: CommandName, input: object) => Sent): Methods =>
  Object.fromEntries(
    (Object.keys(ways) as CommandName[]).map((name) => [camel(name), (input: object) => mutate(name, input)]),
  ) as unknown as Methods

/** What a person wants as a mutation, with the version of what they saw where the command depends on it. `made` is the id of what it makes. */
export function mutationOf(
  command: CommandName,
  input: object,
  floor: Floor,
  madeAt: string,
  device: string | null,
  staffId: string,
): { mutation: Mutation; made: string | null } {
  const way: (typeof ways)[CommandName] = ways[command]
  const made = way.makesId ? ((input as { id?: string }).id ?? newId()) : null
  const whole: Record<string, unknown> = { ...input, ...(made !== null && { id: made }) }
  if (way.guards && whole['version'] === undefined) {
    const [kind, field] = way.guards
    whole['version'] = floor.get(kind, String(whole[field]))?.version
  }
  const version = typeof whole['version'] === 'number' ? whole['version'] : null
  const { method, path } = way
  return { mutation: { id: newId(), command, method, ...place(path, whole), version, madeAt, device, staffId }, made }
}

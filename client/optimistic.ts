import type { Instant } from '../src/platform/clock.ts'
import type { CommandName } from './commands.ts'
import type { Mutation } from './mutations.ts'
import { reduce } from './reduce.ts'
import type { Confirmed } from './state.ts'
import { Unlikely, View } from './view.ts'
import type { Entity } from './words.ts'

/** What the server will likely say to a mutation: the code, and which entity stands in its way, as in a conflict. */
export interface Refused {
  readonly code: string
  /** Null where it is about none. */
  readonly entity: { readonly kind: string; readonly id: string } | null
  /** The entity as it is shown; null where it is not there. */
  readonly current: Entity | null
}

/** What is shown: the confirmed state with what people did here and the server has not decided yet. */
export interface Shown {
  readonly view: View
  /** Mutations that will likely be refused, by id. They change nothing of what is shown. */
  readonly unlikely: Map<string, Refused>
}

/**
 * Lays mutations over the confirmed state, in their order. Never throws: one that would be refused is marked and left out.
 * This is only what is shown. The server decides. Spec: D10.
 */
export function replay(confirmed: Confirmed, mutations: readonly Mutation[]): Shown {
  const shown = { view: new View(confirmed), unlikely: new Map<string, Refused>() }
  for (const mutation of mutations) lay(shown, mutation)
  return shown
}

/** Lays one more mutation over what is shown. */
export function lay({ view, unlikely }: Shown, mutation: Mutation): void {
  const moment = { now: mutation.madeAt as Instant, newId: mutation.id }
  try {
    view.attempt(() => {
      reduce(view, mutation.command as CommandName, { ...mutation.body, ...mutation.params }, moment)
    })
  } catch (error) {
    // An input that no reducer understands is for the server to refuse.
    unlikely.set(mutation.id, refused(error instanceof Unlikely ? error : new Unlikely('invalid-input')))
  }
}

/** What stands in the way is named in the details: as itself where it is there, by its id where it is not. */
function refused({ code, details }: Unlikely): Refused {
  for (const [name, value] of Object.entries(details)) {
    const { id, version } = (value ?? {}) as { id?: unknown; version?: unknown }
    if (typeof id === 'string' && typeof version === 'number') {
      const entity = { kind: name, id }
      return { code, entity, current: { ...entity, version, value: value as Entity['value'] } }
    }
    if (typeof value === 'string' && name.endsWith('Id'))
      return { code, entity: { kind: name.slice(0, -2), id: value }, current: null }
  }
  return { code, entity: null, current: null }
}

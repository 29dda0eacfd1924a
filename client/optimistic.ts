import type { Instant } from '../src/platform/clock.ts'
import type { CommandName } from './commands.ts'
import type { Mutation } from './mutations.ts'
import { reduce } from './reduce.ts'
import type { Confirmed } from './state.ts'
import { Unlikely, View } from './view.ts'

/** What is shown: the confirmed state with what people did here and the server has not decided yet. */
export interface Shown {
  readonly view: View
  /** Mutations that will likely be refused, by id, each with the likely code. They change nothing of what is shown. */
  readonly unlikely: Map<string, string>
}

/**
 * Lays mutations over the confirmed state, in their order. Never throws: one that would be refused is marked and left out.
 * This is only what is shown. The server decides. Spec: D10.
 */
export function replay(confirmed: Confirmed, mutations: readonly Mutation[]): Shown {
  const shown = { view: new View(confirmed), unlikely: new Map<string, string>() }
  for (const mutation of mutations) lay(shown, mutation)
  return shown
}

/** Lays one more mutation over what is shown. */
export function lay({ view, unlikely }: Shown, mutation: Mutation): void {
  const moment = { now: mutation.madeAt as Instant, newId: mutation.id }
  try {
    view.attempt(() => {
      reduce(view, mutation.command as CommandName, { ...mutation.body, ...mutation.params } as never, moment)
    })
  } catch (error) {
    // An input that no reducer understands is for the server to refuse.
    unlikely.set(mutation.id, error instanceof Unlikely ? error.code : 'invalid-input')
  }
}

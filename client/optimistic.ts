import type { Instant } from '../src/platform/clock.ts'
import type { CommandName, Inputs } from './commands.ts'
import type { Mutation } from './mutations.ts'
import { addGuest, deleteGuest, moveGuest, seatGuest, setGuestStatus, updateGuest } from './reduce-guests.ts'
import { addReservation, cancelReservation, updateReservation } from './reduce-reservations.ts'
import { addTable, clearTable, removeTable, updateTable, type Moment } from './reduce-tables.ts'
import type { Confirmed } from './state.ts'
import { Unlikely, View } from './view.ts'

type Reducers = { readonly [Name in CommandName]: (view: View, input: Inputs[Name], moment: Moment) => void }

const reducers: Reducers = {
  'add-table': addTable,
  'update-table': updateTable,
  'clear-table': clearTable,
  'remove-table': removeTable,
  'add-reservation': addReservation,
  'update-reservation': updateReservation,
  'cancel-reservation': cancelReservation,
  'add-guest': addGuest,
  'update-guest': updateGuest,
  'set-guest-status': setGuestStatus,
  'seat-guest': seatGuest,
  'move-guest': moveGuest,
  'delete-guest': deleteGuest,
}

/** What is shown: the confirmed state with what people did here and the server has not said yet. */
export interface Shown {
  readonly view: View
  /** Mutations that will likely be refused, by id, with the code that is likely. They change nothing of what is shown. */
  readonly unlikely: Map<string, string>
}

/**
 * Lays mutations over the confirmed state, in their order. Never throws: one that doesn't apply any more is marked and left out. It is only what is shown; the
 * server decides. Spec: D10.
 */
export function replay(confirmed: Confirmed, mutations: readonly Mutation[]): Shown {
  const shown = { view: new View(confirmed), unlikely: new Map<string, string>() }
  for (const mutation of mutations) lay(shown, mutation)
  return shown
}

/** Lays one more mutation over what is shown. */
export function lay({ view, unlikely }: Shown, mutation: Mutation): void {
  const reduce = (reducers as Record<string, (view: View, input: never, moment: Moment) => void>)[mutation.command]
  const moment = { now: mutation.madeAt as Instant, newId: mutation.id }
  try {
    view.attempt(() => {
      reduce?.(view, { ...mutation.body, ...mutation.params } as never, moment)
    })
  } catch (error) {
    // An input that no reducer understands is for the server to refuse.
    unlikely.set(mutation.id, error instanceof Unlikely ? error.code : 'invalid-input')
  }
}

import type { Mutation } from './mutations.ts'
import { lay, replay, type Refused, type Shown } from './optimistic.ts'
import { partyOfGuest, partyOfReservation, type Party } from './party.ts'
import type { Queue } from './queue.ts'
import type { Confirmed } from './state.ts'
import type { Guest, Kind, Kinds, Reservation, Table } from './words.ts'

/** The floor as it is to be shown. Made when it is looked at, anew after a change. */
export class Floor {
  readonly #confirmed: Confirmed
  readonly #queue: Queue
  #shown: Shown | null = null
  #touched: ReadonlySet<string> | null = null
  #lists = new Map<Kind, readonly Kinds[Kind][]>()
  /** What was shown last: what it has in common with what is shown now stays the same object. */
  #before: Shown | null = null
  readonly #parties = new WeakMap<Guest | Reservation, Party>()
  #allParties: readonly Party[] | null = null

  constructor(confirmed: Confirmed, queue: Queue) {
    this.#confirmed = confirmed
    this.#queue = queue
  }

  /** Every entity of a kind, in no particular order. */
  all<K extends Kind>(kind: K): readonly Kinds[K][] {
    let list = this.#lists.get(kind)
    if (!list) this.#lists.set(kind, (list = [...this.#now.view.of(kind)]))
    return list as readonly Kinds[K][]
  }

  get tables(): readonly Table[] {
    return this.all('table')
  }

  get guests(): readonly Guest[] {
    return this.all('guest')
  }

  get reservations(): readonly Reservation[] {
    return this.all('reservation')
  }

  get<K extends Kind>(kind: K, id: string): Kinds[K] | undefined {
    return this.#now.view.get(kind, id)
  }

  /** Whether what is shown of it is only this device's word so far. */
  isPending(kind: Kind, id: string): boolean {
    this.#touched ??= this.#now.view.touched()
    return this.#touched.has(`${kind} ${id}`)
  }

  /** Everyone who waits, is expected, sits or has left: guests and reservations under one set of names. An entity that did not change is the same party. */
  get parties(): readonly Party[] {
    const of = <T extends Guest | Reservation>(list: readonly T[], make: (value: T) => Party) =>
      list.map((value) => {
        let party = this.#parties.get(value)
        if (!party) this.#parties.set(value, (party = make(value)))
        return party
      })
    return (this.#allParties ??= [...of(this.guests, partyOfGuest), ...of(this.reservations, partyOfReservation)])
  }

  /** Mutations that will likely be refused, by id: why, and what stands in their way. */
  get unlikely(): ReadonlyMap<string, Refused> {
    return this.#now.unlikely
  }

  /** One more was done here: the others need not be done again. */
  add(mutation: Mutation): void {
    if (this.#shown) lay(this.#shown, mutation)
    this.#outdate()
  }

  /** What it was made of has changed. */
  refresh(): void {
    this.#before = this.#shown ?? this.#before
    this.#shown = null
    this.#outdate()
  }

  #outdate(): void {
    this.#touched = null
    this.#lists.clear()
    this.#allParties = null
  }

  get #now(): Shown {
    if (!this.#shown) {
      this.#shown = replay(this.#confirmed, this.#queue.missingIn(this.#confirmed))
      if (this.#before) this.#shown.view.keep(this.#before.view)
      this.#before = null
    }
    return this.#shown
  }
}

import type { Mutation } from './mutations.ts'
import { lay, replay, type Shown } from './optimistic.ts'
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

  /** Mutations that will likely be refused, by id, with the likely code. */
  get unlikely(): ReadonlyMap<string, string> {
    return this.#now.unlikely
  }

  /** One more was done here: the others need not be done again. */
  add(mutation: Mutation): void {
    if (this.#shown) lay(this.#shown, mutation)
    this.#touched = null
    this.#lists.clear()
  }

  /** What it was made of has changed. */
  refresh(): void {
    this.#shown = null
    this.#touched = null
    this.#lists.clear()
  }

  get #now(): Shown {
    return (this.#shown ??= replay(this.#confirmed, this.#queue.missingIn(this.#confirmed)))
  }
}

import type { Confirmed } from './state.ts'
import type { Kind, Kinds } from './words.ts'

/** A command that would be refused, as far as can be seen from here. Thrown by reducers, caught by replay. */
export class Unlikely extends Error {
  readonly code: string

  constructor(code: string) {
    super(code)
    this.code = code
  }
}

type Layer = Map<string, Kinds[Kind] | null>

/** The confirmed state with changes laid over it, which can be taken back. */
export class View {
  readonly #base: Confirmed
  readonly #over = new Map<Kind, Layer>()
  #undo: (() => unknown)[] = []

  constructor(base: Confirmed) {
    this.#base = base
  }

  /** Null is nobody's id. */
  get<K extends Kind>(kind: K, id: string | null): Kinds[K] | undefined {
    const over = this.#layer(kind).get(id as string) as Kinds[K] | null | undefined
    if (over !== undefined) return over ?? undefined
    return this.#base.get(kind, id as string)?.value as Kinds[K] | undefined
  }

  *of<K extends Kind>(kind: K): Generator<Kinds[K]> {
    const over = this.#layer(kind)
    for (const { id, value } of this.#base.of(kind)) if (!over.has(id)) yield value as unknown as Kinds[K]
    for (const value of over.values()) if (value) yield value as Kinds[K]
  }

  put<K extends Kind>(kind: K, value: Kinds[K]): void {
    this.#lay(kind, value.id, value)
  }

  drop(kind: Kind, id: string): void {
    this.#lay(kind, id, null)
  }

  /** Kind and id, with a space between, of whatever differs from the confirmed state. */
  touched(): Set<string> {
    return new Set([...this.#over].flatMap(([kind, layer]) => [...layer.keys()].map((id) => `${kind} ${id}`)))
  }

  /** Does the work, or none of it when it throws. */
  attempt(work: () => void): void {
    this.#undo = []
    try {
      work()
    } catch (error) {
      for (const back of this.#undo.toReversed()) back()
      throw error
    }
  }

  #lay(kind: Kind, id: string, value: Kinds[Kind] | null): void {
    const layer = this.#layer(kind)
    const before = layer.get(id)
    this.#undo.push(() => (before === undefined ? layer.delete(id) : layer.set(id, before)))
    layer.set(id, value)
  }

  #layer(kind: Kind): Layer {
    let layer = this.#over.get(kind)
    if (!layer) this.#over.set(kind, (layer = new Map()))
    return layer
  }
}

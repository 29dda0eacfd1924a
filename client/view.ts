import type { Confirmed } from './state.ts'
import type { Kind, Kinds } from './words.ts'

/** A command that would be refused, as far as can be seen from here. Thrown by reducers, caught by replay. */
export class Unlikely extends Error {
  readonly code: string
  /** What it would be refused for, by name: the server's details. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: string, details: Readonly<Record<string, unknown>> = {}) {
    super(code)
    this.code = code
    this.details = details
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

  /** What is laid over here exactly as it was over another confirmed state is the same object again. */
  keep(before: View): void {
    for (const [kind, layer] of this.#over)
      for (const [id, value] of layer) {
        const old = before.#over.get(kind)?.get(id)
        if (old && value && isSame(old, value)) layer.set(id, old)
      }
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

/** Whether two JSON values are equal. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const [left, right] = [Object.entries(a), Object.entries(b)]
  return (
    left.length === right.length &&
    left.every(([name, value]) => isSame(value, (b as Readonly<Record<string, unknown>>)[name]))
  )
}

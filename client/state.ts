import { addSums, hashText, sumOf } from './hash.ts'
import { limits } from './limits.ts'
import { upgraded } from '../src/changes/log/rules.ts'
import type { Change, Entity, Snapshot, Upgrade } from './words.ts'

interface Held extends Entity {
  /** Null until it is asked for: of what a device missed, most is overwritten by the time it stands where the server does. */
  sum: number | null
}

/** What became of a change: it was next; it was there already; something before it is missing; it belongs to another log. */
export type Applied = 'applied' | 'had' | 'gap' | 'epoch'

/**
 * What the server has said, and how far: entities by kind and id at one `seq`. Kinds that nobody here knows are kept too, so the hash holds. The hash is
 * kept up to date entity by entity. Values are frozen: only the server changes them. Spec: D1, D2.
 */
export class Confirmed {
  epoch: string | null = null
  seq = 0
  at: string | null = null
  /** The empty text is before every other. */
  horizon = ''
  #kinds = new Map<string, Map<string, Held>>()
  /** Ends of visits: what the horizon will pass. */
  #ends = new Map<Held, string>()
  #count = 0
  /** Of those whose sums are known; the others are in `#unsummed`. */
  #sum = 0
  #unsummed = new Set<Held>()
  #recheck: Iterator<Held> | null = null

  /** Applies what follows next; anything else leaves the state as it is. */
  apply(change: Change): Applied {
    if (change.epoch !== this.epoch) return 'epoch'
    if (change.seq <= this.seq) return 'had'
    if (change.seq !== this.seq + 1) return 'gap'
    for (const upgrade of change.upgrade ?? []) this.#upgrade(upgrade)
    for (const entry of change.entries) {
      if (entry.op === 'put') this.#put(entry)
      else this.#drop(entry.kind, entry.id)
    }
    this.seq = change.seq
    this.at = change.at
    return 'applied'
  }

  /** Throws all away and takes a snapshot. */
  take({ epoch, seq, at, horizon, entities }: Snapshot): void {
    this.#kinds = new Map()
    this.#ends = new Map()
    this.#count = 0
    this.#sum = 0
    this.#unsummed = new Set()
    this.#recheck = null
    this.epoch = epoch
    this.seq = seq
    this.at = at
    this.horizon = horizon
    for (const entity of entities) this.#put(entity)
  }

  /** Drops visits that ended before the horizon. An earlier horizon than one seen before changes nothing; says whether it was. */
  prune(horizon: string): boolean {
    if (horizon < this.horizon) return false
    this.horizon = horizon
    for (const [{ kind, id }, endedAt] of this.#ends) if (endedAt < horizon) this.#drop(kind, id)
    return true
  }

  /** Number and sum of all entities, as the server tells them. */
  hash(): string {
    for (const held of this.#unsummed) {
      held.sum = sumOf(held.kind, held.id, held.value)
      this.#sum = addSums(this.#sum, held.sum)
    }
    this.#unsummed.clear()
    return hashText(this.#count, this.#sum)
  }

  /** Makes the sums of some entities anew, in turn: a value that was damaged in memory shows in the hash afterwards. */
  recheck(most: number = limits.recheckedEntities): void {
    for (let i = 0; i < Math.min(most, this.#count); i++) {
      let next = (this.#recheck ??= this.#every()).next()
      if (next.done === true) next = (this.#recheck = this.#every()).next()
      if (next.done === true) return
      const held = next.value
      if (held.sum === null) continue
      const sum = sumOf(held.kind, held.id, held.value)
      this.#sum = addSums(this.#sum, sum - held.sum)
      held.sum = sum
    }
  }

  get(kind: string, id: string): Entity | undefined {
    return this.#kinds.get(kind)?.get(id)
  }

  of(kind: string): Iterable<Entity> {
    return this.#kinds.get(kind)?.values() ?? []
  }

  get size(): number {
    return this.#count
  }

  /** Everything, to be stored and taken again; null before the first snapshot. */
  snapshot(): Snapshot | null {
    if (this.epoch === null) return null
    const entities = [...this.#every()].map(({ kind, id, version, value }) => ({ kind, id, version, value }))
    return { epoch: this.epoch, seq: this.seq, at: this.at, horizon: this.horizon, hash: this.hash(), entities }
  }

  #put({ kind, id, version, value }: Entity): void {
    const { endedAt } = value
    const hasEnded = typeof endedAt === 'string'
    if (hasEnded && endedAt < this.horizon) return this.#drop(kind, id)
    const had = this.#kinds.get(kind)?.get(id)
    if (had) this.#forget(had)
    else this.#count++
    const held: Held = { kind, id, version, value: frozen(value), sum: null }
    let all = this.#kinds.get(kind)
    if (!all) this.#kinds.set(kind, (all = new Map()))
    all.set(id, held)
    this.#unsummed.add(held)
    if (hasEnded) this.#ends.set(held, endedAt)
  }

  /** Brings what is held to the shape that the server has now. */
  #upgrade(upgrade: Upgrade): void {
    // A list of its own: what is put comes last in the map.
    const due = Array.from(this.of(upgrade.kind), (held) => ({ ...held, value: upgraded(held.value, upgrade) }))
    for (const entity of due) this.#put(entity)
  }

  /** Takes its sum out of the hash, and its end from among those that the horizon will pass. */
  #forget(held: Held): void {
    this.#ends.delete(held)
    if (held.sum === null) this.#unsummed.delete(held)
    else this.#sum = addSums(this.#sum, -held.sum)
  }

  #drop(kind: string, id: string): void {
    const had = this.#kinds.get(kind)?.get(id)
    if (!had) return
    this.#kinds.get(kind)!.delete(id)
    this.#count--
    this.#forget(had)
  }

  *#every(): Generator<Held> {
    for (const kind of this.#kinds.values()) yield* kind.values()
  }
}

function frozen<T>(value: T): T {
  // What is no object counts as frozen.
  if (!Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value as object)) frozen(part)
  }
  return value
}

import { crc32 } from 'node:zlib'
import { assert } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import type { Instant } from '../../platform/clock.ts'
import { canonicalJson } from './canonical.ts'
import { isNews, type Change } from '../log/log.ts'
import { upgraded, type Upgrade } from '../log/rules.ts'

/** The fields of every entity on the floor. An ended entity stays until the horizon has passed it. */
export interface EntityValue {
  readonly id: string
  readonly version: number
  readonly endedAt?: Instant | null
}

/** One stored entity: its value as canonical JSON. A new value is a new object. */
export interface Held {
  readonly kind: string
  readonly id: string
  readonly version: number
  readonly endedAt: Instant | null
  readonly checksum: number
  readonly json: string
}

/**
 * The position of a floor: the change `seq` of an epoch, made at `at`. Entities that ended before `horizon` are not
 * on it.
 */
export interface Standing {
  readonly epoch: string
  readonly seq: number
  readonly at: Instant
  readonly horizon: Instant
}

/**
 * The floor of one restaurant in memory: read once from its tables and moved forward by one change after the other. A
 * device at the same change holds the same floor, character by character; `hash` proves it (docs/protocol.md).
 */
export class Floor {
  readonly #held = new Map<string, Held>()
  #standing: Standing
  #sum = 0
  #characters = 0
  #text: string | null = null
  /** The keys of the latest puts and drops, and how many were before those. */
  #touched: string[] = []
  #forgotten = 0

  constructor(standing: Standing, entities: readonly { readonly kind: string; readonly value: EntityValue }[]) {
    this.#standing = standing
    for (const { kind, value } of entities) this.#put(kind, value)
  }

  get standing(): Standing {
    return this.#standing
  }

  /** All entities on the floor, in no order. */
  get entities(): Iterable<Held> {
    return this.#held.values()
  }

  /** An entity by kind and id, with a space between. */
  get(key: string): Held | undefined {
    return this.#held.get(key)
  }

  /** The number of puts and drops so far. */
  get touches(): number {
    return this.#forgotten + this.#touched.length
  }

  /** The kinds and ids of the puts and drops after this number of {@link touches}; null if that is too long ago. */
  touchedSince(touches: number): readonly string[] | null {
    return touches < this.#forgotten ? null : this.#touched.slice(touches - this.#forgotten)
  }

  /** Entities on the floor. */
  get size(): number {
    return this.#held.size
  }

  /** The characters of JSON of all entities together. */
  get characters(): number {
    return this.#characters
  }

  /**
   * The number of entities and the sum of their checksums modulo 2^32: the same for every holder of the same state,
   * whatever the order of changes.
   */
  get hash(): string {
    return `${this.#held.size}-${this.#sum.toString(16).padStart(8, '0')}`
  }

  /** Applies the next change. */
  apply(change: Change): void {
    const { epoch, seq } = this.#standing
    assert(change.epoch === epoch && change.seq === seq + 1, `change ${change.seq} does not follow ${seq}`)
    for (const upgrade of change.upgrade ?? []) this.#upgrade(upgrade)
    for (const entry of change.entries) {
      if (!isNews(entry)) continue
      if (entry.op === 'put') this.#put(entry.kind, entry.value as EntityValue)
      else {
        const key = `${entry.kind} ${entry.id}`
        this.#touch(key)
        this.#drop(key)
      }
    }
    this.#standing = { ...this.#standing, seq: change.seq, at: change.at }
    this.#text = null
  }

  /** Removes entities that ended before a new horizon. A horizon that is not later changes nothing. */
  letGo(horizon: Instant): void {
    if (horizon <= this.#standing.horizon) return
    this.#standing = { ...this.#standing, horizon }
    for (const [key, { endedAt }] of this.#held) {
      if (endedAt === null || endedAt >= horizon) continue
      this.#touch(key)
      this.#drop(key)
    }
    this.#text = null
  }

  /** The same floor in new memory. */
  remade(): Floor {
    const entities = [...this.#held.values()].map(({ kind, json }) => ({
      kind,
      value: JSON.parse(json) as EntityValue,
    }))
    return new Floor(this.#standing, entities)
  }

  /** The snapshot for devices, as the fields of a JSON object without its braces. Written once for each state. */
  get text(): string {
    if (this.#text !== null) return this.#text
    const { epoch, seq, at, horizon } = this.#standing
    const entities = [...this.#held.values()].map(
      ({ kind, id, version, json }) => `{"kind":"${kind}","id":"${id}","version":${version},"value":${json}}`,
    )
    const where = `"epoch":"${epoch}","seq":${seq},"at":"${at}","horizon":"${horizon}","hash":"${this.hash}"`
    return (this.#text = `${where},"entities":[${entities.join(',')}]`)
  }

  #put(kind: string, value: EntityValue): void {
    const key = `${kind} ${value.id}`
    this.#touch(key)
    this.#drop(key)
    const endedAt = value.endedAt ?? null
    if (endedAt !== null && endedAt < this.#standing.horizon) return
    const json = canonicalJson(value)
    const checksum = crc32(`${kind}\n${value.id}\n${json}`)
    this.#held.set(key, { kind, id: value.id, version: value.version, endedAt, checksum, json })
    this.#sum = (this.#sum + checksum) >>> 0
    this.#characters += json.length
  }

  #upgrade(upgrade: Upgrade): void {
    // A list of its own: what is put comes last in the map.
    const due = [...this.#held.values()].filter(({ kind }) => kind === upgrade.kind)
    for (const { kind, json } of due) this.#put(kind, upgraded(JSON.parse(json) as EntityValue, upgrade))
  }

  #touch(key: string): void {
    this.#touched.push(key)
    if (this.#touched.length < 2 * limits.floorTouches) return
    this.#touched.splice(0, limits.floorTouches)
    this.#forgotten += limits.floorTouches
  }

  #drop(key: string): void {
    const held = this.#held.get(key)
    if (!held) return
    this.#held.delete(key)
    this.#sum = (this.#sum - held.checksum) >>> 0
    this.#characters -= held.json.length
  }
}

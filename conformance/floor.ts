import { randomUUID } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { canonicalJson } from '../src/changes/floor/canonical.ts'
import { upgraded, type Upgrade } from '../src/changes/log/rules.ts'

/** A made-up floor, as the kit's server holds it: the state that the client must reach. */

export type Value = Record<string, unknown> & { readonly id: string; readonly version: number }
interface Entity {
  readonly kind: string
  readonly value: Value
}
export type Entry = object

/** Before every `endedAt`. */
const FIRST_HORIZON = '2026-11-16T18:00:00.000000Z'
const BEGAN = Date.UTC(2026, 10, 23, 18)

export class Floor {
  epoch: string = randomUUID()
  seq: number
  horizon = FIRST_HORIZON
  readonly changes: object[] = []
  #entities = new Map<string, Entity>()

  constructor(seq = 100) {
    this.seq = seq
  }

  /** The time of a change. */
  timeOf = (seq: number): string => `${new Date(BEGAN + seq * 1000).toISOString().slice(0, -1)}123Z`

  get at(): string {
    return this.timeOf(this.seq)
  }

  /** Puts an entity and drops it, without a change. */
  hold(kind: string, value: Value): this {
    this.#entities.set(value.id, { kind, value })
    return this
  }
  release(id: string): void {
    this.#entities.delete(id)
  }

  put(kind: string, value: Value, event = 'changed'): Entry {
    this.hold(kind, value)
    return { op: 'put', kind, id: value.id, event, version: value.version, value }
  }

  drop(id: string): Entry {
    const { kind, value } = this.#entities.get(id)!
    this.release(id)
    return { op: 'drop', kind, id, event: 'deleted', version: value.version + 1 }
  }

  /** The change with which a new release tells how the shape of guests changes. */
  upgrade(upgrade: Omit<Upgrade, 'kind'>): object {
    for (const [id, { kind, value }] of this.#entities)
      if (kind === 'guest') this.#entities.set(id, { kind, value: upgraded(value, { kind, ...upgrade }) })
    return this.change([], null, { command: 'upgrade', upgrade: [{ kind: 'guest', ...upgrade }] })
  }

  /** The change that these entries make. */
  change(entries: readonly Entry[], mutationId: string | null = null, more: object = {}): object {
    this.seq++
    const { epoch, seq, at } = this
    const made = {
      epoch,
      seq,
      at,
      command: 'update-guest',
      mutationId,
      actorId: null,
      device: 'Kit',
      entries,
      ...more,
    }
    this.changes.push(made)
    return made
  }

  /** A change of a new guest or of one that is there. */
  guest(facts: object = {}, mutationId: string | null = null): object {
    return this.change([this.put('guest', guest(facts))], mutationId)
  }

  get hash(): string {
    const counted = [...this.#entities.values()].filter(
      ({ value }) => typeof value['endedAt'] !== 'string' || value['endedAt'] >= this.horizon,
    )
    const sum = counted.reduce(
      (total, { kind, value }) => (total + crc32(`${kind}\n${value.id}\n${canonicalJson(value)}`)) >>> 0,
      0,
    )
    return `${counted.length}-${sum.toString(16).padStart(8, '0')}`
  }

  get snapshot(): object {
    const { epoch, seq, at, horizon, hash } = this
    const entities = [...this.#entities.values()]
      .filter(({ value }) => typeof value['endedAt'] !== 'string' || value['endedAt'] >= horizon)
      .map(({ kind, value }) => ({ kind, id: value.id, version: value.version, value }))
    return { epoch, seq, at, horizon, hash, entities }
  }
}

/** A guest as the server sends one. */
export const guest = (facts: object = {}): Value => ({
  id: randomUUID(),
  version: 1,
  firstName: 'Ada',
  lastName: 'Lovelace',
  partySize: 2,
  status: 'waitlist',
  phone: null,
  email: null,
  notes: null,
  specialRequests: null,
  dietaryRestrictions: [],
  tableId: null,
  reservationTime: null,
  checkInTime: '2026-11-23T18:00:00.000000Z',
  seatedTime: null,
  finishedTime: null,
  endedAt: null,
  createdAt: '2026-11-23T18:00:00.000000Z',
  updatedAt: '2026-11-23T18:00:00.000000Z',
  ...facts,
})

/** A table as the server sends one. */
export const table = (facts: object = {}): Value => ({
  id: randomUUID(),
  version: 1,
  number: '7',
  capacity: 4,
  x: 0.5,
  y: 0.25,
  shape: 'round',
  section: null,
  status: 'available',
  guestId: null,
  reservationId: null,
  createdAt: '2026-11-23T18:00:00.000000Z',
  updatedAt: '2026-11-23T18:00:00.000000Z',
  ...facts,
})

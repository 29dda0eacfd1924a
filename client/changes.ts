import type { Change, Entity } from './words.ts'

/** An entity that a change was about. */
export interface Touched {
  readonly kind: string
  readonly id: string
  /** What happened to it: `seated`, `status-changed`. */
  readonly event: string | null
  /** What it was; null: it was not there. */
  readonly before: Readonly<Record<string, unknown>> | null
  /** What it is; null: it is gone. */
  readonly after: Readonly<Record<string, unknown>> | null
}

/** A change of the restaurant in words: "Ana seated Silva". Spec: D17. */
export interface News {
  readonly epoch: string
  readonly seq: number
  /** By the server's clock. */
  readonly at: string
  readonly command: string
  /** What happened to the first of `entities`. */
  readonly event: string | null
  /** The member of staff who did it; null for nobody. */
  readonly actorId: string | null
  /** What the device is called where it was done. */
  readonly device: string | null
  readonly mutationId: string | null
  /** Whether it was done on this device. */
  readonly isOwn: boolean
  readonly entities: readonly Touched[]
}

/** `before` has what each entry of the change was. */
export function newsOf(change: Change, before: readonly (Entity | undefined)[], isOwn: boolean): News {
  const { epoch, seq, at, command, actorId, device, mutationId } = change
  const entities = change.entries.map((entry, index) => ({
    kind: entry.kind,
    id: entry.id,
    event: entry.event ?? null,
    before: before[index]?.value ?? null,
    after: entry.op === 'put' ? entry.value : null,
  }))
  const event = entities[0]?.event ?? null
  return { epoch, seq, at, command, event, actorId, device, mutationId, isOwn, entities }
}

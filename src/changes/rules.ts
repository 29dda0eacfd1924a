import type { Instant } from '../platform/clock.ts'

/**
 * What all nouns decide alike: how a command is refused, and what happens to an entity whose commands only store facts.
 * Pure. The server, the client and the web share this file.
 */

/** Why a command is refused. The server makes an `AppError` of it; the client shows its code. */
export interface Refusal {
  readonly code: string
  readonly status: 404 | 409 | 422
  readonly message: string
  readonly details: Record<string, unknown>
}

/** An entity is no longer as the host saw it. The refusal shows it as it is. */
export const versionConflict = (kind: string, entity: object): Refusal => ({
  code: 'version-conflict',
  status: 409,
  message: `The ${kind} was changed in the meantime`,
  details: { [kind]: entity },
})

/** The fields that were sent. An absent one says nothing, null empties. */
export const sentOf = <T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never

/** An entity of this kind with this id is not there. Its code is `KIND-not-found`. */
export const notFound = (kind: string, id: string): Refusal => ({
  code: `${kind}-not-found`,
  status: 404,
  message: `There is no such ${kind}`,
  details: { [`${kind}Id`]: id },
})

/** What rules need of any entity. */
interface Seen {
  readonly id: string
  readonly version: number
}

/** Refuses an entity that is not there, or that is not as the host saw it. */
export function refuseUnseen(kind: string, id: string, entity: Seen | undefined, version?: number): Refusal | null {
  if (!entity) return notFound(kind, id)
  return version === undefined || version === entity.version ? null : versionConflict(kind, entity)
}

/** A new entity that is made of facts. */
export const newEntity = <Facts extends object>(id: string, facts: Facts, now: Instant) => ({
  id,
  ...facts,
  version: 1,
  createdAt: now,
  updatedAt: now,
})

/** What a command does to an entity: the fields it sets, or null if the entity goes. */
export interface EntityEffect<K extends string> {
  readonly kind: K
  readonly id: string
  readonly set: object | null
}

/** The facts of an entity change. Facts that were not sent stay. */
export function decideUpdate<K extends string>(
  kind: K,
  entity: Seen | undefined,
  { id, version, facts }: { readonly id: string; readonly version?: number | undefined; readonly facts: object },
): Refusal | EntityEffect<K> {
  return refuseUnseen(kind, id, entity, version) ?? { kind, id, set: sentOf(facts) }
}

/** An entity goes for good. */
export function decideRemove<K extends string>(
  kind: K,
  entity: Seen | undefined,
  { id, version }: { readonly id: string; readonly version?: number | undefined },
): Refusal | EntityEffect<K> {
  return refuseUnseen(kind, id, entity, version) ?? { kind, id, set: null }
}

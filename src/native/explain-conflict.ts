import { z } from 'zod'
import type { Tx } from '../platform/database/db.ts'
import { AppError } from '../platform/errors.ts'
import { idField, sentInstant } from '../platform/fields.ts'
import { findChange, type Made } from '../changes/log/find-change.ts'
import { nouns } from '../floor/nouns.ts'
import { nameStaff } from '../staff/name-staff.ts'
import { actorKindShape } from './stream/protocol.ts'

/** The fields of a conflict besides its own details, the same for every kind of entity. */
export const conflictShape = {
  current: z
    .object({ kind: z.string(), id: idField, version: z.int(), value: z.looseObject({}) })
    .meta({ description: 'The current entity' })
    .optional(),
  changed: z
    .object({
      by: z.object({ staffId: idField, name: z.string().nullable() }).nullable(),
      actorKind: actorKindShape,
      at: sentInstant,
      command: z.string(),
      device: z.string().nullable(),
      mutationId: z.string().nullable(),
      seq: z.int(),
    })
    .meta({ id: 'Changed', description: 'The change that made it so; null when the log no longer has it' })
    .nullable()
    .optional(),
}

type Current = NonNullable<z.output<typeof conflictShape.current>>
type Changed = NonNullable<z.output<typeof conflictShape.changed>>

/**
 * Adds the current entity, and who made it so, to a conflict that names an entity. Any other refusal stays as it is.
 * Reads in the command's transaction. Spec: N7.
 */
export async function explainConflict(tx: Tx, restaurantId: string, refusal: AppError): Promise<AppError> {
  const { code, status, message, details } = refusal
  const found = status === 409 && !('current' in details) && entityIn(details)
  if (!found) return refusal
  const { kind, value } = found
  const current: Current = { kind, id: value.id, version: value.version, value: { ...value } }
  const changed = await lastChange(tx, restaurantId, { kind, ...value })
  return new AppError(code, status, message, { ...details, current, changed })
}

async function lastChange(tx: Tx, restaurantId: string, entity: Made): Promise<Changed | null> {
  const found = await findChange(tx, restaurantId, entity)
  if (!found) return null
  const { actorId: staffId, actorKind, ...change } = found
  const by =
    staffId === null || actorKind !== undefined ? null : { staffId, name: await nameStaff(tx, restaurantId, staffId) }
  return { by, ...(actorKind && { actorKind }), ...change }
}

type Entity = Omit<Made, 'kind'>

/** The entity that a refusal names; the key says its kind. Of several, it is the highest on the ladder. */
function entityIn(details: Readonly<Record<string, unknown>>): { kind: string; value: Entity } | undefined {
  for (const { kind } of nouns.toReversed()) {
    const value = details[kind] as Entity | undefined
    if (value !== undefined) return { kind, value }
  }
  return undefined
}

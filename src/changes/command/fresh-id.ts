import { AppError } from '../../platform/errors.ts'
import { constraintOf } from '../../platform/database/db.ts'
import type { Write } from './command.ts'
import { wasRemoved } from '../log/log.ts'

/**
 * The id of a new entity: the client's, unless it is used up, or a generated one. Throws `AppError` id-taken (409).
 */
export async function freshId(w: Write, kind: string, wanted: string | undefined): Promise<string> {
  if (wanted === undefined) return w.newId()
  if (await wasRemoved(w.tx, w.restaurantId, kind, wanted)) throw idTaken(wanted)
  return wanted
}

/** Turns the database's error that an id is in use into the refusal. `key` is the name of the primary key. */
export async function withFreshId(id: string, key: string, stored: Promise<unknown>): Promise<void> {
  try {
    await stored
  } catch (error) {
    if (constraintOf(error) !== key) throw error
    throw idTaken(id)
  }
}

export const idTaken = (id: string): AppError =>
  new AppError('id-taken', 409, 'This id is in use or was; make a new one', { id })

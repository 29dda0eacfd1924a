import { assert } from '../platform/errors.ts'
import { statement, type Tx } from '../platform/database/db.ts'
import { columnOf } from '../platform/field.ts'
import type { Write } from '../changes/command/command.ts'
import { entity, type EntityOf } from '../changes/entity.ts'
import { noun } from '../changes/floor/noun.ts'
import type { EntityEffect } from '../changes/rules.ts'
import { settingsFields } from './fields.ts'

// Registering makes a restaurant without this: its id follows from `restaurant_id`, and it has a slug, which is $2 here.
const COLUMNS = [...Object.keys(settingsFields).map(columnOf), 'version', 'updated_at']
const INSERT = `insert into restaurants (restaurant_id, slug, ${COLUMNS.join(', ')}, created_at)
  values ($1, $2, ${COLUMNS.map((_, n) => `$${n + 3}`).join(', ')}, $${COLUMNS.length + 2})`

/** The settings of a restaurant as devices see them. Their row is the restaurant's own, their id is its id. */
export const settingsEntity = entity('settings', 'Settings', settingsFields, { table: 'restaurants', insert: INSERT })
export const settingsSchema = settingsEntity.schema

export type Settings = EntityOf<typeof settingsFields>

const { columns, update, row } = settingsEntity

const readOne = statement('read-settings', `select ${columns} from restaurants where restaurant_id = $1`)

// Every insert elsewhere shares a lock on the key of its restaurant: this lock leaves the key alone.
const lockOne = statement(
  'lock-settings',
  `select ${columns} from restaurants where restaurant_id = $1 and id = any ($2::uuid[]) for no key update`,
)

/** The settings of a restaurant. */
export const readSettings = (tx: Tx, restaurantId: string): Promise<Settings> =>
  tx.one<Settings>(readOne, [restaurantId])

/** Settings as the floor has them: each restaurant has them, from its first moment on. */
export const settingsOnFloor = noun(settingsEntity, {
  read: async (tx, restaurantId) => [await readSettings(tx, restaurantId)],
  lock: (w, ids) => lockSettings(w, ids),
})

/** Locks the settings, if one of the ids is theirs. */
export async function lockSettings(w: Write, ids: readonly string[] = [w.restaurantId]): Promise<void> {
  if (w.locked.all('settings', ids)) return
  w.locked.note('settings', ids, await w.tx.all<Settings>(lockOne, [w.restaurantId, ids]))
}

/** Stores what was decided about the settings, which the caller has locked, and tells of it. Gives them. */
export function applyToSettings(w: Write, { id, set }: EntityEffect<'settings'>): Settings {
  const before = w.locked.of<Settings>('settings', id)
  assert(before && set, 'settings are locked before they change, and never go')
  const changed = { ...before, ...set }
  if (w.isUnchanged('settings', 'edited', changed)) return before
  const settings = { ...changed, version: before.version + 1, updatedAt: w.now }
  w.put('settings', id, 'edited', settings.version, settings)
  w.tx.send(update, row(w, settings))
  return settings
}

import { statement, type Tx } from '../platform/database/db.ts'
import type { Write } from '../changes/command/command.ts'
import { entity, type EntityOf } from '../changes/entity.ts'
import { noun } from '../changes/floor/noun.ts'
import { estimate, type StaySums } from './estimate.ts'
import { turnFields } from './fields.ts'

export { countedStays, type Stay, type StaySums } from './estimate.ts'

/** The turn times of a restaurant as devices see them. Its id is the restaurant's. */
export const turnEntity = entity('turn', 'Turn', turnFields)
export const turnSchema = turnEntity.schema

export type TurnEstimate = EntityOf<typeof turnFields>

const { columns, insert, update, row } = turnEntity

const readTurn = statement('read-turn', `select ${columns} from turns where restaurant_id = $1`)
const lockTurn = statement('lock-turn', `select ${columns} from turns where restaurant_id = $1 order by id for update`)

/** Turn times as the floor has them: one row, and none before the first refresh. */
export const turnsOnFloor = noun(turnEntity, {
  read: (tx, restaurantId) => tx.all<TurnEstimate>(readTurn, [restaurantId]),
  lock: async (w, ids) => (ids.length > 0 ? lockTurns(w) : undefined),
})

/** The turn times of a restaurant, or undefined while only the published figures count. */
export const findTurns = (tx: Tx, restaurantId: string): Promise<TurnEstimate | undefined> =>
  tx.maybe<TurnEstimate>(readTurn, [restaurantId])

/** Locks the turn times. Undefined before the first refresh. */
export async function lockTurns(w: Write): Promise<TurnEstimate | undefined> {
  const rows = await w.tx.all<TurnEstimate>(lockTurn, [w.restaurantId])
  w.locked.note('turn', [w.restaurantId], rows)
  return rows[0]
}

/** Stores the estimate from a history and tells of it. `before` is what the caller has locked. Spec: Q2. */
export function saveTurns(w: Write, before: TurnEstimate | undefined, sums: readonly StaySums[]): TurnEstimate {
  const estimated = estimate(sums)
  if (!before) {
    const made = { id: w.restaurantId, ...estimated, version: 1, createdAt: w.now, updatedAt: w.now }
    w.put('turn', made.id, 'created', 1, made)
    w.tx.send(insert, row(w, made))
    return made
  }
  const changed = { ...before, ...estimated }
  if (w.isUnchanged('turn', 'refreshed', changed)) return before
  const turns = { ...changed, version: before.version + 1, updatedAt: w.now }
  w.put('turn', turns.id, 'refreshed', turns.version, turns)
  w.tx.send(update, row(w, turns))
  return turns
}

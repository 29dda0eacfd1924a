import { z } from 'zod'
import { statement, type Statement, type Tx } from '../platform/database/db.ts'
import { AppError } from '../platform/errors.ts'
import { idField, versionField } from '../platform/fields.ts'
import type { Fields } from '../platform/field.ts'
import { command, type Budget, type Command, type Role, type Write } from './command/command.ts'
import { freshId, withFreshId } from './command/fresh-id.ts'
import { decided } from './decided.ts'
import type { Entity, EntityOf } from './entity.ts'
import { noun, type Noun } from './floor/noun.ts'
import { wasRemoved } from './log/log.ts'
import { decideRemove, decideUpdate, newEntity, type EntityEffect } from './rules.ts'

/**
 * A noun whose entities are made of facts: adding, changing and removing one moves nothing else. From the entity and a few
 * words come its place on the floor, its statements and its three commands.
 */
export interface Plain<F extends Fields, K extends string, P extends string> {
  /** How it stands on the floor: all of them. */
  readonly onFloor: Noun<K, Entity<F, K>['schema']>
  readonly add: Adds<F, K, P>
  readonly update: Updates<F, K, P>
  readonly remove: Removes<K, P>
  /** All of a restaurant, by id. */
  all(tx: Tx, restaurantId: string): Promise<EntityOf<F>[]>
  /** Locks those with these ids, in the order of id. Unknown ids are left out. */
  lock(w: Write, ids: readonly string[]): Promise<Map<string, EntityOf<F>>>
  /** Stores a new one and tells of it. Throws `AppError` id-taken (409). */
  store(w: Write, value: EntityOf<F>): Promise<EntityOf<F>>
  /** Stores what was decided about one that the caller has locked, and tells of it. */
  apply(w: Write, effect: EntityEffect<K>, event?: string): void
}

type Adds<F extends Fields, K extends string, P extends string> = Command<
  z.ZodObject<{ id: z.ZodOptional<typeof idField> } & Entity<F>['added'], z.core.$strict>,
  EntityOf<F>
> & { readonly name: `add-${K}`; readonly method: 'POST'; readonly path: P; readonly inBatch: true }
type About<K extends string> = { [I in `${K}Id`]: typeof idField } & { version: typeof versionField }
type Updates<F extends Fields, K extends string, P extends string> = Command<
  z.ZodObject<Entity<F>['edited'] & About<K>, z.core.$strict>,
  EntityOf<F>
> & { readonly name: `update-${K}`; readonly method: 'PATCH'; readonly path: `${P}/:${K}Id`; readonly inBatch: true }
type Removes<K extends string, P extends string> = Command<
  z.ZodObject<About<K>, z.core.$strict>,
  { removed: boolean }
> & { readonly name: `remove-${K}`; readonly method: 'DELETE'; readonly path: `${P}/:${K}Id`; readonly inBatch: true }

interface Words<F extends Fields, P extends string> {
  /** Below `/v2/restaurants/:restaurantId`, such as `/areas`. */
  readonly path: P
  /** The least role that may change one. */
  readonly role: Role
  /** As a sentence calls one: `a dining area`. */
  readonly called: string
  /** How many a restaurant may have. */
  readonly max: number
  /** What fields that are no facts start with. */
  readonly starts?: object
  /** Refuses what the facts alone do not show, before one is stored. Throws `AppError`. */
  readonly check?: (w: Write, value: EntityOf<F>, before: EntityOf<F> | null) => Promise<void>
  /** Refuses to remove one that something needs. Throws `AppError`. */
  readonly checkRemoval?: (w: Write, value: EntityOf<F>) => Promise<void>
  /** Where `check` asks the database: what the commands cost then. */
  readonly budgets?: { readonly add?: Budget; readonly update?: Budget; readonly remove?: Budget }
}

/** Declares a plain noun. Its refusals: KIND-not-found, too-many-TABLE, id-taken, version-conflict. */
export function plain<F extends Fields, const K extends string, const P extends string>(
  of: Entity<F, K>,
  words: Words<F, P>,
): Plain<F, K, P> {
  const rows = rowsOf(of, words.max)
  const onFloor = noun(of, { read: rows.all, lock: rows.lock })
  const commands = {
    add: adding(of, words, rows),
    update: updating(of, words, rows),
    remove: removing(of, words, rows),
  }
  // The compiler cannot follow names and fields that are made from parameters; the tests of each command can.
  return { ...rows, onFloor, ...commands } as unknown as Plain<F, K, P>
}

const aboutOf = (kind: string) => ({ [`${kind}Id`]: idField, version: versionField })

/** The id and the version in the input of a command about one entity, and the facts that it changes. */
function readAbout(kind: string, input: object) {
  const { [`${kind}Id`]: id, version, ...facts } = input as Record<string, unknown>
  return { id: id as string, version: version as number | undefined, facts }
}

function adding<F extends Fields, K extends string>(of: Entity<F, K>, words: Words<F, string>, rows: Rows<F, K>) {
  const { kind, schema } = of
  return command({
    name: `add-${kind}`,
    summary: `Add ${words.called}`,
    method: 'POST',
    path: words.path,
    role: words.role,
    inBatch: true,
    budget: words.budgets?.add ?? [6, 3],
    input: z.strictObject({ id: idField.optional(), ...of.added }),
    answer: schema,
    async run(w, input): Promise<EntityOf<F>> {
      const { id, ...facts } = input as { id?: string }
      await rows.refuseMany(w)
      const value = newEntity(
        await freshId(w, kind, id),
        { ...facts, ...words.starts },
        w.now,
      ) as unknown as EntityOf<F>
      await words.check?.(w, value, null)
      return rows.store(w, value)
    },
  })
}

function updating<F extends Fields, K extends string>(of: Entity<F, K>, words: Words<F, string>, rows: Rows<F, K>) {
  const { kind, schema } = of
  return command({
    name: `update-${kind}`,
    summary: `Change ${words.called}`,
    method: 'PATCH',
    path: `${words.path}/:${kind}Id`,
    role: words.role,
    inBatch: true,
    budget: words.budgets?.update ?? [6, 2],
    input: z.strictObject({ ...of.edited, ...aboutOf(kind) }),
    answer: schema,
    async run(w, input): Promise<EntityOf<F>> {
      const about = readAbout(kind, input)
      const before = (await rows.lock(w, [about.id])).get(about.id)
      const effect = decided(decideUpdate(kind, before, about))
      await words.check?.(w, { ...before!, ...effect.set }, before!)
      rows.apply(w, effect)
      return w.locked.of<EntityOf<F>>(kind, about.id)!
    },
  })
}

function removing<F extends Fields, K extends string>(of: Entity<F, K>, words: Words<F, string>, rows: Rows<F, K>) {
  const { kind } = of
  return command({
    name: `remove-${kind}`,
    summary: `Remove ${words.called}. Removing it again is no error`,
    method: 'DELETE',
    path: `${words.path}/:${kind}Id`,
    role: words.role,
    inBatch: true,
    budget: words.budgets?.remove ?? [7, 2],
    input: z.strictObject(aboutOf(kind)),
    answer: z.object({ removed: z.boolean() }),
    async run(w, input): Promise<{ removed: boolean }> {
      const about = readAbout(kind, input)
      const before = (await rows.lock(w, [about.id])).get(about.id)
      if (!before && (await wasRemoved(w.tx, w.restaurantId, kind, about.id))) return { removed: false }
      const effect = decided(decideRemove(kind, before, about))
      await words.checkRemoval?.(w, before!)
      rows.apply(w, effect)
      return { removed: true }
    },
  })
}

type Rows<F extends Fields, K extends string> = ReturnType<typeof rowsOf<F, K>>

/** The rows of a noun: its statements, and how they are stored. */
export function rowsOf<F extends Fields, K extends string>(of: Entity<F, K>, max: number) {
  type Row = EntityOf<F>
  const { kind, table, columns } = of
  const lockById = statement(
    `lock-${table}`,
    `select ${columns} from ${table} where restaurant_id = $1 and id = any ($2::uuid[]) order by id for update`,
  )
  const listAll = statement(`list-${table}`, `select ${columns} from ${table} where restaurant_id = $1 order by id`)
  const countAll = statement(`count-${table}`, `select count(*) as count from ${table} where restaurant_id = $1`)
  const deleteOne = statement(`delete-${kind}`, `delete from ${table} where restaurant_id = $1 and id = $2`)
  return {
    all: (tx: Tx, restaurantId: string): Promise<Row[]> => tx.all<Row>(listAll, [restaurantId]),
    lock: (w: Write, ids: readonly string[]) => lockRows<Row>(w, kind, lockById, ids),
    async refuseMany(w: Write): Promise<void> {
      const { count } = await w.tx.one<{ count: number }>(countAll, [w.restaurantId])
      if (count >= max) throw new AppError(`too-many-${table}`, 409, `A restaurant may have ${max} ${table}`)
    },
    async store(w: Write, value: Row): Promise<Row> {
      w.put(kind, value.id, 'created', value.version, value)
      await withFreshId(value.id, `${table}_pkey`, w.tx.all(of.insert, of.row(w, value)))
      return value
    },
    apply(w: Write, { id, set }: EntityEffect<K>, event?: string): void {
      const before = w.locked.of<Row>(kind, id)!
      if (set === null) {
        w.drop(kind, id, event ?? 'removed', before.version, before)
        w.tx.send(deleteOne, [w.restaurantId, id])
        return
      }
      const changed = { ...before, ...set }
      if (w.isUnchanged(kind, event ?? 'edited', changed)) return
      const after = { ...changed, version: before.version + 1, updatedAt: w.now }
      w.put(kind, id, event ?? 'edited', after.version, after)
      w.tx.send(of.update, of.row(w, after))
    },
  }
}

async function lockRows<Row extends { readonly id: string }>(
  w: Write,
  kind: string,
  lockById: Statement,
  ids: readonly string[],
): Promise<Map<string, Row>> {
  let rows = w.locked.all<Row>(kind, ids)
  if (!rows) {
    rows = await w.tx.all<Row>(lockById, [w.restaurantId, ids])
    w.locked.note(kind, ids, rows)
  }
  return new Map(rows.map((row) => [row.id, row]))
}

import { z } from 'zod'
import type { Instant } from '../platform/clock.ts'
import { statement, type Statement } from '../platform/database/db.ts'
import { columnOf, type Field, type Fields, type SetBy, type ValueOf } from '../platform/field.ts'
import { idField, instantField, intField, sentInstant, textField } from '../platform/fields.ts'
import type { Write } from './command/command.ts'

/**
 * What an entity is made of, from one table of fields: its schema, what commands take of it, and its SQL. An entity has an
 * id, its fields, a version and when it was made and changed last. Test: `test/schemas/statements.sql` shows the SQL.
 */
export interface Entity<F extends Fields, K extends string = string> {
  /** How the log names it. */
  readonly kind: K
  /** Its table, which is also its folder in `src/`. */
  readonly table: string
  /** As devices see it. */
  readonly schema: z.ZodObject<Shape<F>>
  /** Facts as a command takes them that adds one, each with what it is when nothing is sent. */
  readonly added: Added<F>
  /** Facts as a command takes them that changes one: what isn't sent stays. */
  readonly edited: Edited<F>
  readonly fields: F
  /** The list of columns of a `select`, each by its field's name. */
  readonly columns: string
  /** Take what `row` gives. */
  readonly insert: Statement
  readonly update: Statement
  readonly row: (w: Write, value: EntityOf<F>) => unknown[]
}

/** An entity as devices see it. */
export type EntityOf<F extends Fields> = Readonly<z.output<z.ZodObject<Shape<F>>>> & Stamped

/** What every entity has besides its fields. */
interface Stamped {
  readonly id: string
  readonly version: number
  readonly createdAt: Instant
  readonly updatedAt: Instant
}

type Stamps = {
  version: z.ZodType<number>
  createdAt: z.ZodType<Instant>
  updatedAt: z.ZodType<Instant>
}
type Shape<F extends Fields> = { id: z.ZodType<string> } & {
  -readonly [K in keyof F]: z.ZodType<ValueOf<F[K]>>
} & Stamps

/** What is sent for a value: an instant may have fewer digits. */
type SentFor<T> = T extends Instant ? string : T
type Sent<F> = z.ZodType<ValueOf<F>, SentFor<ValueOf<F>>>
type Added<F extends Fields> = {
  [K in keyof F as F[K] extends Field<unknown, 'fact' | 'origin'> ? K : never]: F[K] extends Field<unknown, SetBy, true>
    ? z.ZodDefault<Sent<F[K]>>
    : Sent<F[K]>
}
type Edited<F extends Fields> = {
  [K in keyof F as F[K] extends Field<unknown, 'fact'> ? K : never]: z.ZodOptional<Sent<F[K]>>
}

/** How an entity is stored where that does not follow from its kind and fields. */
export interface Stored {
  /** Its table; otherwise the plural of its kind. */
  readonly table?: string
  /** The text of its insert, where the row holds more than devices see. */
  readonly insert?: string
}

/** Declares an entity. `name`: of its schema. */
export function entity<F extends Fields, const K extends string>(
  kind: K,
  name: string,
  fields: F,
  { table = `${kind}s`, insert }: Stored = {},
): Entity<F, K> {
  const all = Object.entries(fields)
  const shape = Object.fromEntries(all.map(([key, field]) => [key, schemaOf(field, sentInstant)]))
  const stamps = { version: intField(1), createdAt: sentInstant, updatedAt: sentInstant }
  const facts = all.filter(([, { setBy }]) => setBy !== 'command')
  const added = facts.map(([key, field]) => {
    const schema = schemaOf(field, instantField)
    return [key, field.initial === undefined ? schema : schema.default(field.initial)]
  })
  const edited = facts
    .filter(([, { setBy }]) => setBy === 'fact')
    .map(([key, field]) => [key, schemaOf(field, instantField).optional()])
  const names = Object.keys(fields)
  // JSON is sent as text: the driver would take a list for an array of PostgreSQL's.
  const stored = all.map(([key, { is }]) => [key, is.type === 'shape'] as const)
  return {
    kind,
    table,
    schema: z.object({ id: idField, ...shape, ...stamps }).meta({ id: name }) as unknown as z.ZodObject<Shape<F>>,
    added: Object.fromEntries(added) as Added<F>,
    edited: Object.fromEntries(edited) as Edited<F>,
    fields,
    columns: ['id', ...names, 'version', 'createdAt', 'updatedAt'].map(selected).join(', '),
    insert: statement(`insert-${kind}`, insert ?? insertOf(table, names)),
    update: statement(`update-${kind}`, updateOf(table, names)),
    row: (w, value) => {
      const values = value as Readonly<Record<string, unknown>>
      const columns = stored.map(([key, isShape]) => {
        const of = values[key]
        return isShape && of !== null ? JSON.stringify(of) : of
      })
      return [w.restaurantId, values['id'], ...columns, values['version'], w.now]
    },
  }
}

const selected = (name: string): string => {
  const column = columnOf(name)
  return column === name ? name : `${column} as "${name}"`
}

/** One that is stored for the first time was made and changed at the same moment. */
function insertOf(table: string, names: readonly string[]): string {
  const columns = ['restaurant_id', 'id', ...names.map(columnOf), 'version', 'updated_at']
  const values = columns.map((_, n) => `$${n + 1}`)
  return `insert into ${table} (${columns.join(', ')}, created_at) values (${values.join(', ')}, $${columns.length})`
}

function updateOf(table: string, names: readonly string[]): string {
  const sets = [...names.map(columnOf), 'version', 'updated_at'].map((column, n) => `${column} = $${n + 3}`)
  return `update ${table} set ${sets.join(', ')} where restaurant_id = $1 and id = $2`
}

function schemaOf({ is, isNullable }: Field<unknown>, instants: z.ZodType): z.ZodType {
  const schema = plainSchemaOf(is, instants)
  return isNullable ? schema.nullable() : schema
}

function plainSchemaOf(is: Field<unknown>['is'], instants: z.ZodType): z.ZodType {
  switch (is.type) {
    case 'text':
      return textField(is.max)
    case 'texts':
      return z.array(textField(is.max)).max(is.items)
    case 'integer':
      return intField(is.min)
    case 'number':
      return z.number().min(is.min).max(is.max)
    case 'choice':
      return z.enum(is.of)
    case 'id':
      return idField
    case 'ids':
      return z.array(idField).max(is.items)
    case 'flag':
      return z.boolean()
    case 'shape':
      return is.schema
    case 'instant':
    // Nothing else is left.
    default:
      return instants
  }
}

import type { z } from 'zod'
import type { Fields } from '../../platform/field.ts'
import type { Write } from '../command/command.ts'
import type { FloorKind } from './live-floor.ts'

/** What a noun must say of itself to stand on the floor. All that walks the kinds walks the list in `src/floor/nouns.ts`. */
export interface Noun<K extends string = string, Schema extends z.ZodType = z.ZodType> extends FloorKind {
  readonly kind: K
  /** Its table, which is also its folder in `src/`, and its fields. */
  readonly table: string
  readonly fields: Fields
  /** As devices see it. */
  readonly schema: Schema
  /** Locks those of a batch, in the order of id. Unknown ids are left out. */
  lock(w: Write, ids: readonly string[]): Promise<unknown>
}

/** Declares how an entity stands on the floor. */
export const noun = <K extends string, Schema extends z.ZodType>(
  { kind, table, fields, schema }: Pick<Noun<K, Schema>, 'kind' | 'table' | 'fields' | 'schema'>,
  reach: Pick<Noun, 'read' | 'lock'>,
): Noun<K, Schema> => ({ kind, table, fields, schema, ...reach })

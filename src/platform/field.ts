import type { z } from 'zod'
import type { Instant } from './clock.ts'

/**
 * The description of an entity's field: once, as plain data. Schemas, SQL and the importer's rows are made from it
 * (`changes/entity.ts`).
 */

/** The values of a field. Lengths are in characters. */
export type FieldType =
  | { readonly type: 'text'; readonly max: number }
  | { readonly type: 'texts'; readonly max: number; readonly items: number }
  | { readonly type: 'integer'; readonly min: number }
  | { readonly type: 'number'; readonly min: number; readonly max: number }
  | { readonly type: 'choice'; readonly of: readonly string[] }
  | { readonly type: 'ids'; readonly items: number }
  | { readonly type: 'shape'; readonly schema: z.ZodType }
  | { readonly type: 'id' | 'instant' | 'flag' }

/**
 * Who sets a field. `command`: a command decides it, such as a status or a table. `fact`: a plain fact, which adding
 * and editing store as sent. `origin`: a plain fact that only adding sets.
 */
export type SetBy = 'command' | 'fact' | 'origin'

/**
 * One field. `T`: the type of its values. `S`: who sets it. `I`: whether it may be missing when the entity is added.
 */
export interface Field<T, S extends SetBy = SetBy, I extends boolean = boolean> {
  readonly is: FieldType
  readonly isNullable: boolean
  readonly setBy: S
  /** Its value when nothing is sent; undefined if it is required. */
  readonly initial: I extends true ? T : undefined
  /** Only for the compiler. */
  readonly value?: T
}

/** The fields of an entity by name, in display order. */
export type Fields = Readonly<Record<string, Field<unknown>>>

export type ValueOf<F> = F extends Field<infer T> ? T : never

const field = <T>(is: FieldType): Field<T, 'command', false> => ({
  is,
  isNullable: false,
  setBy: 'command',
  initial: undefined,
})

export const text = (max: number) => field<string>({ type: 'text', max })
export const texts = (max: number, items: number) => field<string[]>({ type: 'texts', max, items })
/** A whole number of 32 bits. */
export const integer = (min: number) => field<number>({ type: 'integer', min })
export const number = (min: number, max: number) => field<number>({ type: 'number', min, max })
export const choice = <const W extends string>(of: readonly W[]) => field<W>({ type: 'choice', of })
export const id = () => field<string>({ type: 'id' })
export const ids = (items: number) => field<readonly string[]>({ type: 'ids', items })
export const instant = () => field<Instant>({ type: 'instant' })
export const flag = () => field<boolean>({ type: 'flag' })
/** A value of several parts, stored as JSON and always read and written whole. The schema limits its lists and texts. */
export const shape = <S extends z.ZodType>(schema: S) => field<z.output<S>>({ type: 'shape', schema })

/** The same field, which may be null. */
export const nullable = <T>({ is }: Field<T, 'command', false>): Field<T | null, 'command', false> => ({
  ...field<T | null>(is),
  isNullable: true,
})

/** The same field as a plain fact, with its value when nothing is sent. */
export function fact<T>(described: Field<T, 'command', false>): Field<T, 'fact', false>
export function fact<T>(described: Field<T, 'command', false>, initial: NoInfer<T>): Field<T, 'fact', true>
export function fact<T>(described: Field<T, 'command', false>, initial?: T): Field<T, 'fact'> {
  return { ...described, setBy: 'fact', initial }
}

/** The same field as a plain fact that keeps its first value. */
export const origin = <T>(described: Field<T, 'command', false>, initial: NoInfer<T>): Field<T, 'origin', true> => ({
  ...described,
  setBy: 'origin',
  initial,
})

/** The plain facts among fields, as they are stored. */
export type FactsOf<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Field<unknown, 'fact'> ? K : never]: ValueOf<F[K]>
}

/** The column of a field: its name in snake case. */
export const columnOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const SQL_TYPES: Readonly<Record<FieldType['type'], string>> = {
  text: 'text',
  texts: 'text[]',
  integer: 'integer',
  number: 'double precision',
  choice: 'text',
  id: 'uuid',
  ids: 'uuid[]',
  instant: 'timestamptz',
  flag: 'boolean',
  shape: 'json',
}

/** The columns of fields with their types, as `json_to_recordset` takes them. */
export const columnTypes = (fields: Fields): string =>
  Object.entries(fields)
    .map(([name, { is }]) => `${columnOf(name)} ${SQL_TYPES[is.type]}`)
    .join(', ')

/** What each plain fact is when nothing is sent of it. */
export const initialOf = <F extends Fields>(fields: F): InitialOf<F> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, { initial }]) => (initial === undefined ? [] : [[name, initial]])),
  ) as InitialOf<F>

type InitialOf<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Field<unknown, SetBy, true> ? K : never]: ValueOf<F[K]>
}

/** The plain facts among some values, as far as they are there. */
export const factsIn = <F extends Fields>(fields: F, values: Readonly<Record<string, unknown>>): Partial<FactsOf<F>> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, { setBy }]) =>
      setBy === 'command' || values[name] === undefined ? [] : [[name, values[name]]],
    ),
  ) as Partial<FactsOf<F>>

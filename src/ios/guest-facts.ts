import { z } from 'zod'
import { guestFields } from '../guests/fields.ts'
import type { GuestFacts } from '../guests/guests.ts'
import { columnOf, type Field, type FieldType } from '../platform/field.ts'
import { field } from './pydantic/pydantic.ts'

/**
 * Facts of a guest that the contract passes on as they are: its answers name them as the guest does, its bodies in snake
 * case. A new fact that the iPad may see is one more word in `FACTS`; everything else follows from `guests/fields.ts`.
 */

/** In the order of the bodies, which is the order of their error items. */
const FACTS = ['notes', 'specialRequests', 'dietaryRestrictions'] as const satisfies readonly (keyof GuestFacts)[]
/** Those of the old backend, in the order of its answers. */
const OLD: readonly Fact[] = ['notes', 'dietaryRestrictions', 'specialRequests']
/** In the order of the answers. */
const IN_ANSWERS: readonly Fact[] = [...new Set([...OLD, ...FACTS])]
/** Those that the old backend did not have, so that what was recorded of it lacks them. */
export const LATER_FACTS: readonly string[] = FACTS.filter((name) => !OLD.includes(name))

type Fact = (typeof FACTS)[number]
type Facts = Pick<GuestFacts, Fact>
type Snake<S extends string> = S extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${Snake<Rest>}`
  : ''
/** Facts as a body has them. */
type Sent = { readonly [F in Fact as Snake<F>]?: Facts[F] | null | undefined }

/** Schemas of the facts in answers. */
export const factShapes = Object.fromEntries(IN_ANSWERS.map((name) => [name, answered(guestFields[name])])) as {
  [F in Fact]: z.ZodType<Facts[F]>
}

/** Schemas of the facts in bodies. */
export const sentFacts = Object.fromEntries(
  FACTS.map((name) => [columnOf(name), field.maybe(taken(guestFields[name].is))]),
) as unknown as { [F in Fact as Snake<F>]: z.ZodOptional<z.ZodNullable<z.ZodType<Facts[F]>>> }

/** The facts of a guest, in the order of the answers. */
export const factsOf = (guest: Facts): Facts => pick((name) => guest[name])

/** The facts of a body that adds a guest: what is missing is what it is at first. */
export const addedFacts = (sent: Sent): Facts => pick((name) => valueIn(sent, name) ?? guestFields[name].initial)

/** The facts of a body that changes a guest: what is missing stays. */
export const editedFacts = (sent: Sent): { readonly [F in Fact]: Facts[F] | undefined } =>
  pick((name) => valueIn(sent, name) ?? undefined)

const valueIn = (sent: Sent, name: Fact): unknown => (sent as Record<string, unknown>)[columnOf(name)]

const pick = <T>(of: (name: Fact) => unknown): T => Object.fromEntries(IN_ANSWERS.map((name) => [name, of(name)])) as T

function answered({ is, isNullable }: Field<unknown>): z.ZodType {
  const plain = is.type === 'texts' ? z.array(z.string()) : is.type === 'integer' ? z.int() : z.string()
  return isNullable ? plain.nullable() : plain
}

function taken(is: FieldType): z.ZodType {
  if (is.type === 'text') return field.str({ max: is.max })
  if (is.type === 'texts') return field.list(field.str({ max: is.max }), { max: is.items })
  if (is.type === 'integer') return field.int({ min: is.min })
  throw new Error(`the contract has no fact of the type ${is.type}`)
}

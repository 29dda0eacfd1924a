import type { z } from 'zod'
import type { Db, Tx } from '../platform/db.ts'
import { AppError } from '../platform/errors.ts'
import type { Clock, Instant } from '../platform/clock.ts'
import { inputOf } from './input.ts'
import { ROLES, type Context, type Role } from './command.ts'

/** The open transaction of a query. */
export interface Read {
  readonly tx: Tx
  readonly restaurantId: string
  readonly now: Instant
}

/** A query: reads one restaurant and changes nothing. Its name, path and schemas are also its place in the native API. */
export interface Query<Input extends z.ZodType = z.ZodType, Result = unknown> {
  readonly name: string
  readonly summary: string
  /** Below `/v2/restaurants/:restaurantId`; parameters of the path and of the query string are fields of the input. */
  readonly path: string
  readonly role: Role
  readonly input: Input
  /** What `run` gives, for the API's description. */
  readonly answer: z.ZodType
  run(r: Read, input: z.output<Input>): Promise<Result>
}

/** Declares a query. */
export const query = <Input extends z.ZodType, Result>(q: Query<Input, Result>): Query<Input, Result> => q

/** Runs a query in a transaction of its own, which sees one moment. Throws `AppError`: not-allowed, invalid-input, busy, and what the query refuses with. */
export async function ask<Input extends z.ZodType, Result>(
  deps: { readonly db: Db; readonly clock: Clock },
  q: Query<Input, Result>,
  context: Context,
  raw: unknown,
): Promise<Result> {
  if (ROLES.indexOf(context.actor.role) < ROLES.indexOf(q.role))
    throw new AppError('not-allowed', 403, `This needs the role ${q.role}`)
  const input = inputOf(q, raw)
  const { restaurantId } = context
  return deps.db.snapshot({ restaurantId }, (tx) => q.run({ tx, restaurantId, now: deps.clock.now() }, input))
}

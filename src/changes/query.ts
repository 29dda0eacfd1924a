import type { z } from 'zod'
import type { Db, Tx } from '../platform/database/db.ts'
import { fullHour, type Clock, type Instant } from '../platform/clock.ts'
import { cursorText, type Cursor } from './cursor.ts'
import { completed, type Given } from './input.ts'
import { aheadOfLog, headOf } from './log/log.ts'
import { checkRole, type Budget, type Context, type Role } from './command/command.ts'

/** The open transaction of a query. `now` is its time; to `askAt` the full hour. */
export interface Read {
  readonly tx: Tx
  readonly restaurantId: string
  readonly now: Instant
}

/** A query: reads one restaurant and changes nothing. Its name, path and schemas are also its place in the native API. */
export interface Query<Input extends z.ZodObject = z.ZodObject, Result = unknown> {
  readonly name: string
  readonly summary: string
  /** Below `/v2/restaurants/:restaurantId`; parameters of the path and of the query string are fields of the input. */
  readonly path: string
  readonly role: Role
  /** What its plainest request costs the database. */
  readonly budget: Budget
  readonly input: Input
  /** What `run` gives, for the API's description. */
  readonly answer: z.ZodType
  /** Whether the answer follows from the log and the hour alone. Its place in the log is then its ETag. */
  readonly followsLog?: boolean
  /** The columns of its answer, a list of flat objects, where that is given as CSV too: its input then has `format`. */
  readonly csv?: readonly string[]
  /** How many items a page has at most, where the answer is a list that is read page by page: its items are cursors, and the input takes one. */
  pageSize?(input: z.output<Input>): number
  run(r: Read, input: z.output<Input>): Promise<Result>
}

/** Declares a query. */
export const query = <Input extends z.ZodObject, Result>(q: Query<Input, Result>): Query<Input, Result> => q

/** What queries stand on. */
export interface QueryDeps {
  readonly db: Db
  readonly clock: Clock
}

/**
 * Runs a query in a transaction of its own, which sees one moment. `given` comes from a door that has checked it. Throws
 * `AppError`: not-allowed, busy, and what the query refuses with.
 */
export async function ask<Input extends z.ZodObject, Result>(
  deps: QueryDeps,
  q: Query<Input, Result>,
  context: Context,
  given: Given<Input>,
): Promise<Result> {
  checkRole(q, context)
  const input = completed(q.input, given)
  const { restaurantId } = context
  return deps.db.snapshot({ restaurantId }, (tx) => q.run({ tx, restaurantId, now: deps.clock.now() }, input))
}

/** Where an answer stands: at the change `seq` of an epoch, its history counted back from the full `hour`. */
export interface Place {
  readonly epoch: string
  readonly seq: number
  readonly hour: Instant
}

/** An answer, where it stands, and for a list that is read page by page where the next page begins: null when this was the last. */
export interface Placed<Result = unknown> {
  readonly place: Place
  readonly result: Result
  readonly next: string | null | undefined
}

/**
 * Runs a query and tells where its answer stands: the same place gives the same answer, so history is counted from the full hour. With `minSeq` the answer is
 * at least that new. Throws `AppError`: ahead-of-log (409), busy, and what the query refuses with.
 */
export async function askAt<Input extends z.ZodObject, Result>(
  { db, clock }: QueryDeps,
  q: Query<Input, Result>,
  restaurantId: string,
  input: z.output<Input>,
  minSeq: number | null,
): Promise<Placed<Result>> {
  const hour = fullHour(clock.now())
  return db.snapshot({ restaurantId }, async (tx) => {
    const head = headOf(tx, restaurantId)
    if (minSeq !== null && (await head).seq < minSeq) throw aheadOfLog((await head).seq, minSeq)
    const [{ epoch, seq }, result] = await Promise.all([head, q.run({ tx, restaurantId, now: hour }, input)])
    return { place: { epoch, seq, hour }, result, next: q.pageSize && nextOf(result as Cursor[], q.pageSize(input)) }
  })
}

function nextOf(items: readonly Cursor[], pageSize: number): string | null {
  const last = items.at(-1)
  return last !== undefined && items.length >= pageSize ? cursorText(last) : null
}

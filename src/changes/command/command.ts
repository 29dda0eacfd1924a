import type { z } from 'zod'
import { isOutcomeUnknown, sqlState, type Db, type Tx } from '../../platform/database/db.ts'
import { AppError, assert } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import type { Secrets } from '../../platform/passwords.ts'
import type { Clock, Instant } from '../../platform/clock.ts'
import type { Trail } from '../../platform/observability/request-trail.ts'
import type { Commits } from '../commits.ts'
import { LockedRows } from './locked-rows.ts'
import { inputOf } from '../input.ts'
import { claim, namesOf, refused, resultOf, settleMutation, type Named, type Remembered } from './mutations.ts'
import { isSame, Told, type Versioned } from './told.ts'
import { append, bury, type Change, type Draft } from '../log/log.ts'

/** What staff may do, least first. Each role may do what the ones before it may. */
export const ROLES = ['host', 'manager', 'owner'] as const
export type Role = (typeof ROLES)[number]

/** Who acts. */
export interface Actor {
  readonly staffId: string
  readonly role: Role
}

/** In whose name, where and from where a command comes. `mutationId` is made by the client and names one intent for ever; so does `alias`, a second name. */
export interface Context {
  readonly restaurantId: string
  readonly actor: Actor
  readonly mutationId?: string
  readonly alias?: string
  readonly device?: string
  /** Whether what is asked for again and changes nothing is a change all the same, for the contract's sockets only. */
  readonly tellsUnchanged?: boolean
}

/** The open transaction of one command: what it reads and writes through, and tells the world with. */
export interface Write {
  readonly tx: Tx
  readonly restaurantId: string
  readonly actor: Actor
  /** The command's time. Every time it writes that isn't a client's is this one. */
  readonly now: Instant
  newId(): string
  /** What it has locked and knows. */
  readonly locked: LockedRows
  /**
   * Tells that an entity is now `value`. Told twice, the later value counts, but what was created stays `created` and what was asked for in a batch
   * `batched`, whatever that moved besides.
   */
  put(kind: string, id: string, event: string, version: number, value: object): void
  /** Whether an entity that is to be stored is as it was locked. Then it stays, with its version and time, and only {@link Context.tellsUnchanged} tells of it. */
  isUnchanged(kind: string, event: string, value: Versioned): boolean
  /** Runs `work`; when it throws, what it wrote and told is undone and the rest of the command goes on, if the caller lets it. */
  attempt<T>(work: () => Promise<T>): Promise<T>
  /** Tells that an entity is gone. `version` is its last one; `last` is what it was, unless it holds what must be forgotten with it. */
  drop(kind: string, id: string, event: string, version: number, last?: object): void
}

/** A command: the only kind of write. Its name, path and schema are also its place in the native API. */
export interface Command<Input extends z.ZodType = z.ZodType, Result = unknown> {
  readonly name: string
  readonly summary: string
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  /** Below `/v2/restaurants/:restaurantId`; parameters of the path are fields of the input. */
  readonly path: string
  readonly role: Role
  readonly input: Input
  /** What `run` gives, for the API's description. */
  readonly answer: z.ZodType
  /** Whether the contract's sockets are told of it even when it touched nothing. */
  readonly announcesNothing?: boolean
  /** What takes long and needs no transaction, done before it begins. */
  readonly prepare?: (input: z.output<Input>, context: Context, deps: ChangeDeps) => Promise<unknown>
  /** Does the work. Throws `AppError` to refuse; then nothing of it remains. */
  run(w: Write, input: z.output<Input>): Promise<Result>
}

/** Declares a command. */
export const command = <Input extends z.ZodType, Result>(c: Command<Input, Result>): Command<Input, Result> => c

/** What a command needs to run, given once at start. */
export interface ChangeDeps {
  readonly db: Db
  readonly clock: Clock
  readonly newId: () => string
  /** Needed by commands whose input has passwords. */
  readonly secrets?: Secrets
  /** Called after commit with what was appended. Must not throw. */
  readonly publish: (change: Change) => void
  /** Called when the answer to a commit was lost: there may be a change of this restaurant that `publish` is never called with. Must not throw. */
  readonly doubt?: (restaurantId: string) => void
  /** What a door says of refusals besides what the command does, read in its transaction; kept with the refusal for repeats. */
  readonly explain?: Explain
  /** The moments of commits, for the figures. */
  readonly commits?: Commits | undefined
  /** Of the request that is answered. */
  readonly trail?: Trail
}

/** Gives a refusal with more details, or as it is. */
export type Explain = (tx: Tx, restaurantId: string, refusal: AppError) => Promise<AppError>

/** A command's answer. `seq` and `epoch` are its place in the log, null when it changed nothing; `repeated` says that the answer is an earlier one. */
export interface Executed<Result> {
  readonly result: Result
  readonly seq: number | null
  readonly epoch: string | null
  readonly repeated: boolean
}

/**
 * Runs a command: one transaction, one change, then the hub is told. The only way that anything devices show is ever written.
 *
 * With a mutation id its answer is stored in the same transaction and given again to a repeat; a refusal is remembered too. Deadlocks and lost races for
 * rows are run again, up to `limits.transactionAttempts` times. Throws `AppError`: not-allowed, invalid-input, mutation-id-reused, busy (of lost races too),
 * outcome-unknown, and whatever the command refuses with.
 */
export async function execute<Input extends z.ZodType, Result>(
  deps: ChangeDeps,
  c: Command<Input, Result>,
  context: Context,
  raw: unknown,
): Promise<Executed<Result>> {
  if (ROLES.indexOf(context.actor.role) < ROLES.indexOf(c.role))
    throw new AppError('not-allowed', 403, `This needs the role ${c.role}`)
  const input = inputOf(c, raw)
  const attempts = () => attempt(deps, c, context, input)
  return deps.trail?.span ? deps.trail.within(`execute ${c.name}`, attempts) : attempts()
}

async function attempt<Input extends z.ZodType, Result>(
  deps: ChangeDeps,
  c: Command<Input, Result>,
  context: Context,
  input: z.output<Input>,
): Promise<Executed<Result>> {
  await c.prepare?.(input, context, deps)
  for (let count = 1; ; count++) {
    try {
      return await runOnce(deps, c, context, input)
    } catch (error) {
      if (!isLostRace(error)) throw error
      if (count === limits.transactionAttempts)
        throw new AppError('busy', 503, 'Others changed the same again and again')
    }
  }
}

type Ran<Result> =
  | { readonly kind: 'done'; readonly result: Result }
  | { readonly kind: 'refused'; readonly refusal: AppError }
  | ({ readonly kind: 'repeated' } & Remembered)

async function runOnce<Input extends z.ZodType, Result>(
  deps: ChangeDeps,
  c: Command<Input, Result>,
  context: Context,
  input: z.output<Input>,
): Promise<Executed<Result>> {
  const names = namesOf(context, c.name, input, deps.secrets?.hash)
  let write: OpenWrite | undefined
  const [ran, change] = await deps.db
    .transaction(
      { restaurantId: context.restaurantId },
      async (tx): Promise<Ran<Result>> => {
        const w = (write = new OpenWrite(tx, context, deps))
        const run = () => w.explained(() => c.run(w, input))
        const earlier = await claim(w, names)
        if (earlier) return { kind: 'repeated', ...earlier }
        return names.length > 0 ? runRemembered(w, run) : { kind: 'done', result: await run() }
      },
      (made) => {
        if (made.kind === 'repeated') return null
        return (tx) => finish(tx, write!, c, context, names, made)
      },
    )
    .catch((error: unknown) => {
      if (isOutcomeUnknown(error)) deps.doubt?.(context.restaurantId)
      throw error
    })
  if (change) deps.publish(change)
  if (ran.kind === 'refused') throw ran.refusal
  const { seq = null, epoch = null } = ran.kind === 'repeated' ? ran : (change ?? {})
  if (ran.kind === 'done') return { result: ran.result, seq, epoch, repeated: false }
  if (deps.trail) deps.trail.repeated = true
  return { result: resultOf(ran.outcome) as Result, seq, epoch, repeated: true }
}

/** Appends the change and settles the mutation: sent together with the commit, so the head is locked for one trip only. */
async function finish<Result>(
  tx: Tx,
  w: OpenWrite,
  { name, announcesNothing }: Command,
  context: Context,
  names: readonly Named[],
  made: Ran<Result>,
): Promise<Change | null> {
  assert(made.kind !== 'repeated', 'a repeated command has nothing to finish')
  const entries = made.kind === 'done' ? w.told.entries(context.tellsUnchanged === true) : []
  const announces = announcesNothing === true && context.tellsUnchanged === true
  const appends = made.kind === 'done' && (entries.length > 0 || announces)
  const draft: Draft = {
    restaurantId: w.restaurantId,
    command: name,
    mutationId: context.mutationId ?? null,
    actorId: w.actor.staffId,
    device: context.device ?? null,
    entries,
  }
  const [change] = await Promise.all([
    appends ? append(tx, draft, w.now) : null,
    bury(tx, w.restaurantId, entries),
    ...names.map(({ id }) => settleMutation(tx, w.restaurantId, id, outcomeOf(made), appends)),
  ])
  return change
}

class OpenWrite implements Write {
  readonly tx: Tx
  readonly restaurantId: string
  readonly actor: Actor
  readonly now: Instant
  readonly newId: () => string
  readonly #explain: Explain | undefined
  told = new Told()
  locked = new LockedRows()

  constructor(tx: Tx, context: Context, { clock, newId, explain }: ChangeDeps) {
    this.tx = tx
    this.restaurantId = context.restaurantId
    this.actor = context.actor
    this.now = clock.now()
    this.newId = newId
    this.#explain = explain
  }

  put(kind: string, id: string, event: string, version: number, value: object): void {
    this.locked.set(kind, id, value)
    this.told.tell({ op: 'put', kind, id, event, version, value })
  }

  isUnchanged(kind: string, event: string, value: Versioned): boolean {
    const before = this.locked.of<Versioned>(kind, value.id)
    if (!before || !isSame(before, value)) return false
    const { id, version } = before
    this.told.tell({ op: 'put', kind, id, event, version, value: before, unchanged: true })
    return true
  }

  drop(kind: string, id: string, event: string, version: number, last?: object): void {
    this.locked.set(kind, id, null)
    this.told.tell({ op: 'drop', kind, id, event, version: version + 1, ...(last && { value: last }) })
  }

  async attempt<T>(work: () => Promise<T>): Promise<T> {
    const told = this.told.copy()
    const locked = this.locked.copy()
    try {
      return await this.tx.nested(() => this.explained(work))
    } catch (error) {
      this.told = told
      this.locked = locked
      throw error
    }
  }

  /** Runs `work`; when it refuses, the door's explanation is read before anything is undone, while what it locked is as it saw it. */
  async explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw this.#explain && error instanceof AppError ? await this.#explain(this.tx, this.restaurantId, error) : error
    }
  }
}

async function runRemembered<Result>(w: OpenWrite, run: () => Promise<Result>): Promise<Ran<Result>> {
  try {
    return { kind: 'done', result: await w.tx.nested(run) }
  } catch (error) {
    if (error instanceof AppError && error.status < 500) return { kind: 'refused', refusal: error }
    throw error
  }
}

function outcomeOf<Result>(made: Ran<Result>) {
  assert(made.kind !== 'repeated', 'a repeated command has its outcome already')
  return made.kind === 'done' ? { ok: true as const, result: made.result ?? null } : refused(made.refusal)
}

/** Thrown by a command that read a row, waited for its lock and found it changed: it is run again from the start. */
export class LostRace extends Error {}

const isLostRace = (error: unknown): boolean =>
  error instanceof LostRace || ['40001', '40P01'].includes(sqlState(error) ?? '')

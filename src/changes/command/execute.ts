import type { z } from 'zod'
import { isOutcomeUnknown, sqlState, type Tx } from '../../platform/database/db.ts'
import { AppError, assert } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import type { Instant } from '../../platform/clock.ts'
import type { Secrets } from '../../platform/passwords.ts'
import { completed, type Given } from '../input.ts'
import { append, bury, type Change, type Draft } from '../log/log.ts'
import {
  checkOwn,
  checkRole,
  LostRace,
  namesOfActor,
  type Actor,
  type ChangeDeps,
  type Command,
  type Context,
  type Explain,
  type Write,
} from './command.ts'
import { LockedRows } from './locked-rows.ts'
import { claim, namesOf, refused, resultOf, settleMutation, type Named, type Remembered } from './mutations.ts'
import { isSame, Told, type Versioned } from './told.ts'

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
export async function execute<Input extends z.ZodObject, Result>(
  deps: ChangeDeps,
  c: Command<Input, Result>,
  context: Context,
  given: Given<Input>,
): Promise<Executed<Result>> {
  checkRole(c, context)
  const input = completed(c.input, given)
  checkOwn(input, context)
  const attempts = () => attempt(deps, c, context, input)
  return deps.trail?.span ? deps.trail.within(`execute ${c.name}`, attempts) : attempts()
}

async function attempt<Input extends z.ZodObject, Result>(
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

async function runOnce<Input extends z.ZodObject, Result>(
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
  const told = (result: Result) => (c.reveal ? c.reveal(result, context, deps) : result)
  if (ran.kind === 'done') return { result: told(ran.result), seq, epoch, repeated: false }
  if (deps.trail) deps.trail.repeated = true
  return { result: told(resultOf(ran.outcome) as Result), seq, epoch, repeated: true }
}

/** Appends the change and settles the mutation: sent together with the commit, so the head is locked for one trip only. */
async function finish<Result>(
  tx: Tx,
  w: OpenWrite,
  { name, announcesNothing, rewritesLog = false }: Command,
  context: Context,
  names: readonly Named[],
  made: Ran<Result>,
): Promise<Change | null> {
  assert(made.kind !== 'repeated', 'a repeated command has nothing to finish')
  const entries = made.kind === 'done' ? w.told.entries(context.tellsUnchanged === true) : []
  const announces = announcesNothing === true && context.tellsUnchanged === true
  const appends = made.kind === 'done' && (entries.length > 0 || announces || rewritesLog)
  const draft: Draft = {
    restaurantId: w.restaurantId,
    command: name,
    mutationId: context.mutationId ?? null,
    ...namesOfActor(w.actor),
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
  readonly secrets: Secrets | undefined
  readonly #explain: Explain | undefined
  told = new Told()
  locked = new LockedRows()

  constructor(tx: Tx, context: Context, { clock, newId, explain, secrets }: ChangeDeps) {
    this.tx = tx
    this.restaurantId = context.restaurantId
    this.actor = context.actor
    this.now = clock.now()
    this.newId = newId
    this.secrets = secrets
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

const isLostRace = (error: unknown): boolean =>
  error instanceof LostRace || ['40001', '40P01'].includes(sqlState(error) ?? '')

import type { z } from 'zod'
import type { Db, Tx } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import type { Secrets } from '../../platform/passwords.ts'
import type { Clock, Instant } from '../../platform/clock.ts'
import type { Trail } from '../../platform/observability/request-trail.ts'
import type { Commits } from '../commits.ts'
import type { LockedRows } from './locked-rows.ts'
import { inputOf } from '../input.ts'
import type { Versioned } from './told.ts'
import type { ActorKind, Change } from '../log/log.ts'

/** What staff may do, least first. Each role may do what the ones before it may. */
export const ROLES = ['host', 'manager', 'owner'] as const
export type Role = (typeof ROLES)[number]

/** What somebody may do who acts: staff by their role; a guest less than any staff. */
export type Reach = 'guest' | Role
// Least first. The server may do everything.
const REACHES: readonly Actor['role'][] = ['guest', ...ROLES, 'server']

/** A member of staff. */
export interface StaffActor {
  readonly role: Role
  readonly staffId: string
}

/** A guest about the own visit, by a link or by an answer to a message. */
export interface GuestActor {
  readonly role: 'guest'
  readonly staffId: null
  readonly guestId: string
}

/** The server acts by itself: something is due. */
export interface ServerActor {
  readonly role: 'server'
  readonly staffId: null
}

/** Who acts. */
export type Actor = StaffActor | GuestActor | ServerActor

/** Who acted, as the log names it. The log says nothing of the kind where it was staff. Spec: L24. */
export function namesOfActor(actor: Actor): { readonly actorId: string | null; readonly actorKind?: ActorKind } {
  if (actor.role === 'server') return { actorId: null, actorKind: 'server' }
  if (actor.role === 'guest') return { actorId: actor.guestId, actorKind: 'guest' }
  return { actorId: actor.staffId }
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
  readonly secrets: Secrets | undefined
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

/**
 * Statements that a request sends to the database and the round trips that they take, `begin`, scope and commit included,
 * in a process that is alone on its database. It is exact: a test counts. To raise one is a decision: its commit says why.
 */
export type Budget = readonly [statements: number, trips: number]

/** A command: the only kind of write. Its name, path and schema are also its place in the native API. */
export interface Command<Input extends z.ZodObject = z.ZodObject, Result = unknown> {
  readonly name: string
  readonly summary: string
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  /** Below `/v2/restaurants/:restaurantId`; parameters of the path are fields of the input. */
  readonly path: string
  /** The least that may run it. A guest may name no other guest in a field `guestId`. */
  readonly role: Reach
  /** Whether it may be a part of a batch. The client sends the same ones, each from its queue. */
  readonly inBatch: boolean
  /** What its plainest request costs the database. */
  readonly budget: Budget
  readonly input: Input
  /** What `run` gives, for the API's description. */
  readonly answer: z.ZodType
  /** Whether the contract's sockets are told of it even when it touched nothing. */
  readonly announcesNothing?: boolean
  /**
   * Whether it writes earlier changes again, so that whoever keeps some forgets them. It is a change even when it touches
   * nothing on the floor.
   */
  readonly rewritesLog?: boolean
  /** What takes long and needs no transaction, done before it begins. */
  prepare?(input: z.output<Input>, context: Context, deps: ChangeDeps): Promise<unknown>
  /** Adds to an answer what must not be stored with it. A repeat gets it too. */
  reveal?(result: Result, context: Context, deps: ChangeDeps): Result
  /** Does the work. Throws `AppError` to refuse; then nothing of it remains. */
  run(w: Write, input: z.output<Input>): Promise<Result>
}

/** Declares a command. Its type keeps the words, which the batch and the client are typed by. */
export const command = <
  Input extends z.ZodObject,
  Result,
  const Name extends string,
  const Method extends Command['method'],
  const Path extends string,
  const InBatch extends boolean,
>(
  c: Command<Input, Result> & Words<Name, Method, Path, InBatch>,
): typeof c => c

interface Words<Name, Method, Path, InBatch> {
  readonly name: Name
  readonly method: Method
  readonly path: Path
  readonly inBatch: InBatch
}

/** The names of the commands that write earlier changes again. */
export const rewriting = (commands: readonly Command[]): ReadonlySet<string> =>
  new Set(commands.filter(({ rewritesLog }) => rewritesLog).map(({ name }) => name))

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

/** Refuses an actor whose role does not reach. Throws `AppError` not-allowed (403). Spec: A18. */
export function checkRole({ role }: { readonly role: Reach }, { actor }: Context): void {
  if (REACHES.indexOf(actor.role) < REACHES.indexOf(role))
    throw new AppError('not-allowed', 403, `This needs the role ${role}`)
}

/**
 * Refuses a guest who names another party than their own, whatever the command is. Throws `AppError` not-allowed (403).
 * Spec: J1.
 */
export function checkOwn(input: object, { actor }: Context): void {
  if (actor.role !== 'guest' || !('guestId' in input) || input.guestId === actor.guestId) return
  throw new AppError('not-allowed', 403, 'A guest acts for their own party only')
}

/**
 * Reads what a stranger sent for a command or a query. The role is checked first: somebody who may not ask learns nothing
 * about the fields. Throws `AppError`: not-allowed (403), invalid-input (422).
 */
export function readInput<Input extends z.ZodObject>(
  of: { readonly name: string; readonly role: Reach; readonly input: Input },
  context: Context,
  raw: unknown,
): z.output<Input> {
  checkRole(of, context)
  return inputOf(of, raw)
}

/** Gives a refusal with more details, or as it is. */
export type Explain = (tx: Tx, restaurantId: string, refusal: AppError) => Promise<AppError>

/** Thrown by a command that read a row, waited for its lock and found it changed: it is run again from the start. */
export class LostRace extends Error {}

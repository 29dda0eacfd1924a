import type { Answer } from './request.ts'
import type { Entity } from './words.ts'

/** One intent of a person, as it is stored before it is sent. `id` is its `Idempotency-Key` and names it for ever. */
export interface Mutation {
  readonly id: string
  /** The command's name: `seat-guest`. */
  readonly command: string
  readonly method: string
  /** Below `/v2/restaurants/{id}`, with its parameters in it. */
  readonly path: string
  /** The parameters in the path. */
  readonly params: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
  /** The version of the entity that the person saw, where the command depends on it. It is in the body as well. */
  readonly version: number | null
  /** By the device's clock: for showing; the order is the server's. */
  readonly madeAt: string
  readonly device: string | null
  /** Who did it; missing in what earlier versions stored, which is of the account's person. */
  readonly staffId?: string
}

/** The change that made an entity what it is. */
export interface Changed {
  readonly by: { readonly staffId: string; readonly name: string | null } | null
  readonly at: string
  readonly command: string
  readonly device: string | null
  readonly mutationId: string | null
  readonly seq: number
}

/** A mutation that was decided against, kept until someone has read of it. */
export interface Conflict {
  readonly mutation: Mutation
  readonly status: number
  readonly code: string
  readonly title: string
  /** The entity as it was then, where the refusal is about one. */
  readonly current: Entity | null
  /** Who made it so; null where that isn't known. */
  readonly changed: Changed | null
  readonly refusedAt: string
}

/** What an answer to a mutation means. `seq` null: nothing was to be done. */
export type Verdict =
  | { readonly kind: 'done'; readonly seq: number | null; readonly result: unknown }
  | { readonly kind: 'refused'; readonly conflict: Omit<Conflict, 'mutation' | 'refusedAt'> }
  /** The access token is no good: get another. */
  | { readonly kind: 'token' }
  /** Nobody knows: send it again, not sooner than after `afterMillis` where that is said. */
  | { readonly kind: 'later'; readonly afterMillis: number | null }

/** Statuses that decide nothing. */
const UNDECIDED = [408, 425, 429]
/** Refusals of the restaurant as a whole, not of this mutation: it waits until the restaurant is open again. */
const BARRED = ['restaurant-inactive']

/**
 * Reads an answer. Only the server's own words decide: a 200 with `seq`, a 4xx with a code. Whatever else stands in between and answers, a proxy or a hotel's
 * sign-in page, decides nothing. Spec: D6.
 */
export function judge(answer: Omit<Answer, 'etag'> | null): Verdict {
  const later: Verdict = { kind: 'later', afterMillis: answer?.afterMillis ?? null }
  if (!answer) return later
  const { status, body } = answer
  const { seq, code, title } = body
  if (status === 200 && 'result' in body && (seq === null || Number.isSafeInteger(seq)))
    return { kind: 'done', seq: seq as number | null, result: body['result'] }
  if (status === 401) return { kind: 'token' }
  if (status < 400 || status >= 500 || UNDECIDED.includes(status) || typeof code !== 'string') return later
  if (BARRED.includes(code)) return later
  return {
    kind: 'refused',
    conflict: {
      status,
      code,
      title: typeof title === 'string' ? title : code,
      current: objectIn<Entity>(body, 'current'),
      changed: objectIn<Changed>(body, 'changed'),
    },
  }
}

function objectIn<T extends object>(body: Readonly<Record<string, unknown>>, name: string): T | null {
  const value = body[name]
  return typeof value === 'object' ? (value as T | null) : null
}

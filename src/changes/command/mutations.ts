import { createHash } from 'node:crypto'
import { statement, type Tx } from '../../platform/database/db.ts'
import { AppError, assert } from '../../platform/errors.ts'
import type { KeyedHash } from '../../platform/keyed-hash.ts'
import { Secret, SECRET_IN_JSON } from '../../platform/passwords.ts'
import type { Instant } from '../../platform/clock.ts'

/** The answer of a mutation: its result, or the refusal. */
export type Outcome =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false
      readonly code: string
      readonly status: number
      readonly message: string
      readonly details: Record<string, unknown>
    }

/** The result of an answer. Throws the refusal if it is one. */
export function resultOf(outcome: Outcome): unknown {
  if (outcome.ok) return outcome.result
  throw new AppError(outcome.code, outcome.status, outcome.message, outcome.details)
}

/** An earlier answer, and its change's place in the log. */
export interface Remembered {
  readonly outcome: Outcome
  readonly seq: number | null
  /** The epoch of `seq`; also null if the answer is older than this column. */
  readonly epoch: string | null
}

/** One name of a mutation, and its request. */
export interface Named {
  readonly id: string
  readonly fingerprint: string
}

/** The names of a mutation: its id, and its client's second name for it. */
interface Names {
  readonly restaurantId: string
  readonly mutationId?: string
  readonly alias?: string
}

// The insert is also the lock: a second request with the same id waits here until the first has committed, and then
// finds the answer.
const insertMutation = statement(
  'insert-mutation',
  `insert into mutations (restaurant_id, mutation_id, fingerprint, at) values ($1, $2, $3, $4)
   on conflict do nothing returning true as claimed`,
)

const readMutation = statement(
  'read-mutation',
  `select fingerprint, outcome, seq, epoch from mutations where restaurant_id = $1 and mutation_id = $2`,
)

const updateMutation = statement(
  'update-mutation',
  `update mutations set outcome = $3,
     (epoch, seq) = (select h.epoch, h.seq from heads h where h.restaurant_id = $1 and $4::boolean)
   where restaurant_id = $1 and mutation_id = $2`,
)

/**
 * Claims a mutation id for this transaction, or returns its earlier answer. Throws `AppError` mutation-id-reused
 * (422).
 */
export async function claimMutation(
  w: { readonly tx: Tx; readonly restaurantId: string; readonly now: Instant },
  { id: mutationId, fingerprint }: Named,
): Promise<Remembered | null> {
  const claimed = await w.tx.maybe(insertMutation, [w.restaurantId, mutationId, fingerprint, w.now])
  if (claimed) return null
  const row = await w.tx.one<{
    fingerprint: string
    outcome: Outcome | null
    seq: number | null
    epoch: string | null
  }>(readMutation, [w.restaurantId, mutationId])
  if (row.fingerprint !== fingerprint)
    throw new AppError('mutation-id-reused', 422, 'This mutation id was used for another request; make a new one')
  assert(row.outcome, `mutation ${mutationId} was committed without an outcome`)
  return { outcome: row.outcome, seq: row.seq, epoch: row.epoch }
}

/**
 * Claims all names of a request, or returns the answer under one of them. Throws `AppError` as `claimMutation` does.
 */
export async function claim(
  w: Parameters<typeof claimMutation>[0],
  names: readonly Named[],
): Promise<Remembered | null> {
  for (const name of names) {
    const earlier = await claimMutation(w, name)
    if (earlier) return earlier
  }
  return null
}

/** Stores the answer of a claimed mutation. `appended`: its change is the newest of the log. */
export async function settleMutation(
  tx: Tx,
  restaurantId: string,
  mutationId: string,
  outcome: Outcome,
  appended: boolean,
): Promise<void> {
  await tx.all(updateMutation, [restaurantId, mutationId, JSON.stringify(outcome), appended])
}

/** The stored form of a refusal. */
export const refused = ({ code, status, message, details }: AppError): Outcome => ({
  ok: false,
  code,
  status,
  message,
  details,
})

/**
 * The names that a request claims, in the order of claiming. Under its alias it is found whatever its id is. The id
 * belongs to this alias alone, so the same id with another alias is another request, and refused.
 */
export function namesOf(
  { restaurantId, mutationId, alias }: Names,
  command: string,
  input: unknown,
  hash: KeyedHash | undefined,
): Named[] {
  if (mutationId === undefined) return []
  const fingerprint = (id: string) => fingerprintOf(command, input, `${restaurantId} ${id}`, hash)
  if (alias === undefined) return [{ id: mutationId, fingerprint: fingerprint(mutationId) }]
  return [
    { id: alias, fingerprint: fingerprint(alias) },
    { id: mutationId, fingerprint: `${fingerprint(mutationId)} ${alias}` },
  ]
}

/**
 * The fingerprint of a request: the command and its parsed input, secrets included. A secret counts by a keyed hash,
 * together with the mutation's own id. So the database alone reveals neither the secret nor whether two are the same.
 * Inputs without secrets keep the fingerprint they always had.
 */
export function fingerprintOf(command: string, input: unknown, mutation: string, hash: KeyedHash | undefined): string {
  const text = `${command}\n${JSON.stringify(input)}`
  const made = createHash('sha256').update(text)
  if (text.includes(SECRET_IN_JSON)) {
    for (const secret of secretsIn(input)) {
      assert(hash, `${command} has a secret, and nothing to hash it with`)
      made.update(hash(`${mutation}\n${secret}`))
    }
  }
  return made.digest('base64url')
}

/** The secrets of an input, in the order of its JSON. */
function secretsIn(input: unknown): string[] {
  const found: string[] = []
  JSON.stringify(input, function (this: Record<string, unknown>, name: string, value: unknown) {
    // `value` is the result of toJSON; its holder still has the secret.
    const held = this[name]
    if (held instanceof Secret) found.push(held.text)
    return value
  })
  return found
}

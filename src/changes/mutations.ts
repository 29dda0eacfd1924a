import { createHash } from 'node:crypto'
import { statement, type Tx } from '../platform/db.ts'
import { AppError, assert } from '../platform/errors.ts'
import type { KeyedHash } from '../platform/keyed-hash.ts'
import { Secret, SECRET_IN_JSON } from '../platform/passwords.ts'
import type { Instant } from '../platform/clock.ts'

/** What a mutation was answered: its result, or the refusal. */
export type Outcome =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false
      readonly code: string
      readonly status: number
      readonly message: string
      readonly details: Record<string, unknown>
    }

/** An answer that was given before, and its change's place in the log. */
export interface Remembered {
  readonly outcome: Outcome
  readonly seq: number | null
}

// The insert is also the lock: a second request with the same id waits here until the first has committed, and then finds the answer.
const insertMutation = statement(
  'insert-mutation',
  `insert into mutations (restaurant_id, mutation_id, fingerprint, at) values ($1, $2, $3, $4)
   on conflict do nothing returning true as claimed`,
)

const readMutation = statement(
  'read-mutation',
  `select fingerprint, outcome, seq from mutations where restaurant_id = $1 and mutation_id = $2`,
)

const updateMutation = statement(
  'update-mutation',
  `update mutations set outcome = $3,
     seq = case when $4::boolean then (select seq from heads where restaurant_id = $1) end
   where restaurant_id = $1 and mutation_id = $2`,
)

/** Takes a mutation id for this transaction, or gives what it was answered earlier. Throws `AppError` mutation-id-reused (422). */
export async function claimMutation(
  w: { readonly tx: Tx; readonly restaurantId: string; readonly now: Instant },
  mutationId: string,
  fingerprint: string,
): Promise<Remembered | null> {
  const claimed = await w.tx.maybe(insertMutation, [w.restaurantId, mutationId, fingerprint, w.now])
  if (claimed) return null
  const row = await w.tx.one<{ fingerprint: string; outcome: Outcome | null; seq: number | null }>(readMutation, [
    w.restaurantId,
    mutationId,
  ])
  if (row.fingerprint !== fingerprint)
    throw new AppError('mutation-id-reused', 422, 'This mutation id was used for another request; make a new one')
  assert(row.outcome, `mutation ${mutationId} was committed without an outcome`)
  return { outcome: row.outcome, seq: row.seq }
}

/** Stores what a claimed mutation is answered. `appended`: its change is the newest of the log. */
export async function settleMutation(
  tx: Tx,
  restaurantId: string,
  mutationId: string,
  outcome: Outcome,
  appended: boolean,
): Promise<void> {
  await tx.all(updateMutation, [restaurantId, mutationId, JSON.stringify(outcome), appended])
}

/**
 * What tells one request from another: the command and its parsed input, secrets included. A secret counts by a keyed hash, together with the mutation's
 * own id: the database alone tells neither what it was nor whether two are the same. Inputs without secrets have the fingerprint they always had.
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
    // `value` is what toJSON gave; the secret itself still stands in its holder.
    const held = this[name]
    if (held instanceof Secret) found.push(held.text)
    return value
  })
  return found
}

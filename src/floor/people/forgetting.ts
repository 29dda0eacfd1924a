import { initialOf } from '../../platform/field.ts'
import type { Write } from '../../changes/command/command.ts'
import type { Entry } from '../../changes/log/log.ts'
import { markedChanges, markedOutcomes, rewriteChanges, rewriteOutcomes } from '../../changes/log/rewrite.ts'
import { statement } from '../../platform/database/db.ts'
import { emailKey, phoneDigits } from '../../people/contact-keys.ts'
import { personFields } from '../../people/fields.ts'

/** What takes the place of somebody's data, in rows, in the log and in stored answers. */

/** A party that nobody is known of any more. */
const NEUTRAL: Readonly<Record<string, unknown>> = {
  firstName: 'Guest',
  lastName: '',
  guestName: 'Guest',
  email: null,
  phone: null,
  contactInfo: null,
  dietaryRestrictions: [],
  specialRequests: null,
  notes: null,
  personId: null,
  person: null,
}

const NO_MESSAGE: Readonly<Record<string, unknown>> = { recipient: '', words: null, failure: null }

const NO_PERSON: Readonly<Record<string, unknown>> = initialOf(personFields)

/** Whom a command forgets. */
export interface Whom {
  /** The person, and all who were merged into it. */
  readonly personIds: ReadonlySet<string>
  readonly phones: readonly string[]
  readonly emails: readonly string[]
}

type Value = Readonly<Record<string, unknown>>

const over = (value: Value, neutral: Value): Value =>
  Object.fromEntries(
    Object.entries(value).map(([name, of]) => [name, Object.hasOwn(neutral, name) ? neutral[name] : of]),
  )

const isParty = (value: Value): boolean =>
  typeof value['id'] === 'string' && ('firstName' in value || 'guestName' in value) && 'partySize' in value

/** Says of stored values whether they are of somebody. */
export class Forgetting {
  readonly #whom: Whom
  readonly #digits: ReadonlySet<string | null>
  readonly #emails: ReadonlySet<string | null>
  /** The parties whose every word is of that person. */
  readonly partyIds: Set<string>

  constructor(whom: Whom, partyIds: readonly string[]) {
    this.#whom = whom
    this.#digits = new Set(whom.phones.map(phoneDigits))
    this.#emails = new Set(whom.emails.map(emailKey))
    this.partyIds = new Set(partyIds)
  }

  /** Whether a party, as it was at some time, was a visit of theirs. */
  isTheirs(value: Value): boolean {
    const personId = (value['personId'] as string | null | undefined) ?? null
    if (this.partyIds.has(value['id'] as string)) return true
    if (personId !== null) return this.#whom.personIds.has(personId)
    const [phone, email] = [value['phone'] ?? value['contactInfo'] ?? null, value['email'] ?? null] as (string | null)[]
    const [digits, key] = [phoneDigits(phone ?? null), emailKey(email ?? null)]
    return (digits !== null && this.#digits.has(digits)) || (key !== null && this.#emails.has(key))
  }

  /** A value from JSON without anything of theirs; the same object where there is nothing. */
  of(value: unknown): unknown {
    if (Array.isArray(value))
      return same(
        value,
        value.map((each) => this.of(each)),
      )
    if (typeof value !== 'object' || value === null) return value
    const object = value as Value
    if (isParty(object)) return this.isTheirs(object) ? over(object, NEUTRAL) : value
    if ('isVip' in object && this.#whom.personIds.has(object['id'] as string)) return over(object, NO_PERSON)
    if ('recipient' in object && this.partyIds.has(object['guestId'] as string)) return over(object, NO_MESSAGE)
    const made = Object.entries(object).map(([name, of]) => [name, this.of(of)] as const)
    return made.every(([name, of]) => of === object[name]) ? value : Object.fromEntries(made)
  }

  /** An entry of the log without anything of theirs; the same object where there is nothing. */
  entry(entry: Entry): Entry {
    const value = entry.value && this.of(entry.value)
    return value === entry.value ? entry : ({ ...entry, value } as Entry)
  }
}

const same = (list: readonly unknown[], made: unknown[]): unknown =>
  made.every((each, i) => each === list[i]) ? list : made

const stillThere = statement(
  'parties-still-there',
  `select id from guests where restaurant_id = $1 and id = any ($2::uuid[])
   union all select id from reservations where restaurant_id = $1 and id = any ($2::uuid[])`,
)

/**
 * Takes all that is theirs out of the log and out of the answers that are kept for repeats. Gives the ids of their parties,
 * also of those that were deleted.
 */
export async function forgetInLog(w: Write, whom: Whom, partyIds: readonly string[]): Promise<string[]> {
  const forgetting = new Forgetting(whom, partyIds)
  const texts = [...whom.personIds, ...whom.phones, ...whom.emails]
  const marks = () => ({ texts, ids: [...forgetting.partyIds] })
  let changes = await markedChanges(w.tx, w.restaurantId, marks())
  // Parties that were deleted are known by the log only. Before they had a phone they had a name.
  const gone = await deletedOf(
    w,
    forgetting,
    changes.flatMap(({ entries }) => entries),
  )
  if (gone.length > 0) {
    for (const id of gone) forgetting.partyIds.add(id)
    changes = await markedChanges(w.tx, w.restaurantId, marks())
  }
  rewriteChanges(
    w,
    changes.map((change) => ({ ...change, entries: change.entries.map((entry) => forgetting.entry(entry)) })),
  )
  const outcomes = await markedOutcomes(w.tx, w.restaurantId, marks())
  rewriteOutcomes(
    w,
    outcomes.map(({ mutation_id, outcome }) => ({ mutation_id, outcome: forgetting.of(outcome) })),
  )
  return [...forgetting.partyIds]
}

async function deletedOf(w: Write, forgetting: Forgetting, entries: readonly Entry[]): Promise<string[]> {
  const theirs = entries.filter(
    ({ id, value }) =>
      value && !forgetting.partyIds.has(id) && isParty(value as Value) && forgetting.isTheirs(value as Value),
  )
  const ids = [...new Set(theirs.map(({ id }) => id))]
  if (ids.length === 0) return []
  const there = await w.tx.all<{ id: string }>(stillThere, [w.restaurantId, ids])
  return ids.filter((id) => !there.some((each) => each.id === id))
}

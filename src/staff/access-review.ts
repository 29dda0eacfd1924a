import { statement, type Db } from '../platform/db.ts'
import { limits } from '../platform/limits.ts'
import type { Logger } from '../platform/log.ts'
import { every } from '../platform/pulse.ts'
import type { Role } from '../changes/command.ts'
import type { Identities } from './identify.ts'

/** Someone with something open, under one sign-in and in the role that they had when it was opened. `signInId`: null for a token that belongs to none. */
interface Person {
  readonly staffId: string
  readonly signInId: string | null
  readonly role: Role
}

/** Something that stays open in the name of someone, like a socket. */
export interface Access extends Person {
  /** Called once, when they no longer count or have another role. Must not throw. */
  close(): void
}

// Joined, and not added up: a text that was added up is kept together with its parts.
const keyOf = ({ staffId, signInId, role }: Person): string => [staffId, signInId, role].join(' ')

// Who of these no longer counts, by their places: they are gone, inactive, suspended, signed out or of another role. Nearly always nobody, so nearly nothing is
// answered. Each person and their restaurant are looked up once, however many sign-ins they have open, and each sign-in by its key: the index of a person's sign-ins
// must be of no use here, since a house with one account on many devices has many.
const readOver = statement(
  'read-over',
  `with known as materialized (
     select s.id, s.restaurant_id, s.role
     from staff s join restaurants r on r.restaurant_id = s.restaurant_id and r.is_active
     where s.id = any (array(select distinct unnest($1::uuid[]))) and s.is_active)
   select w.place::integer as place
   from unnest($1::uuid[], $2::uuid[], $3::text[]) with ordinality as w (staff_id, sign_in_id, role, place)
     left join known k on k.id = w.staff_id and k.role = w.role
   where k.id is null or w.sign_in_id is not null and (
     select i.staff_id from sign_ins i
     where i.restaurant_id = k.restaurant_id and i.id = w.sign_in_id and i.revoked_at is null) is distinct from k.id`,
)

// Ids and roles need no quotes. The driver would look at each of them.
const arrayOf = (texts: readonly (string | null)[]): string => `{${texts.map((text) => text ?? 'NULL').join(',')}}`

/** One question: who of these no longer counts. */
interface Asked {
  readonly people: readonly (readonly [key: string, open: readonly Access[]])[]
  readonly scope: { readonly watchedStaff: readonly string[] }
  readonly lists: readonly string[]
}

/**
 * Looks every `limits.accessReviewMillis` whether everyone who has something open in this process may still have it: one query for all of them, because
 * an operator may change an account by SQL and no process hears of that. Spec: W7, W8.
 */
export class AccessReview {
  readonly #db: Db
  readonly #identities: Identities
  readonly #log: Logger
  /** What each person has open; mostly one thing, so a list, which is made anew when it changes, is enough. */
  readonly #people = new Map<string, readonly Access[]>()
  readonly #stopLooking: () => void
  /** Who is asked about, some at a time; null when somebody came or went since. */
  #asked: readonly Asked[] | null = null
  #running: Promise<void> | null = null

  constructor(db: Db, identities: Identities, log: Logger, everyMillis: number = limits.accessReviewMillis) {
    this.#db = db
    this.#identities = identities
    this.#log = log
    this.#stopLooking = every(everyMillis, () => void this.review())
  }

  /** People with something open, each counted once for each of their sign-ins and roles. */
  get figures(): { people: number } {
    return { people: this.#people.size }
  }

  /** From now on `access` is closed when it no longer counts, until it is forgotten. */
  register(access: Access): void {
    const key = keyOf(access)
    this.#people.set(key, this.#people.get(key)?.concat(access) ?? [access])
    this.#asked = null
  }

  /** `access` has ended by itself. */
  forget(access: Access): void {
    const key = keyOf(access)
    this.#asked = null
    const left = this.#people.get(key)?.filter((one) => one !== access) ?? []
    if (left.length > 0) this.#people.set(key, left)
    else this.#people.delete(key)
  }

  /** Looks once; while that lasts, whoever asks for it again gets the same look. Never rejects: while the database is away, nobody is thrown out. */
  review(): Promise<void> {
    this.#running ??= this.#look().finally(() => (this.#running = null))
    return this.#running
  }

  /** Stops looking. */
  close(): void {
    this.#stopLooking()
    this.#people.clear()
  }

  async #look(): Promise<void> {
    try {
      // What is opened from here on was let in by a later answer than this look will have.
      const asked = this.#asked ?? this.#ask()
      this.#asked = asked
      for (const { people, scope, lists } of asked) {
        const over = await this.#db.read<{ place: number }>(scope, readOver, lists)
        for (const { place } of over) this.#end(...people[place - 1]!)
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'who is signed in could not be reviewed')
    }
  }

  #ask(): Asked[] {
    const all = [...this.#people]
    const asked: Asked[] = []
    for (let start = 0; start < all.length; start += limits.reviewIds) {
      const people = all.slice(start, start + limits.reviewIds)
      const firsts = people.map(([, [first]]) => first!)
      const staffIds = firsts.map(({ staffId }) => staffId)
      const lists = [staffIds, firsts.map(({ signInId }) => signInId), firsts.map(({ role }) => role)].map(arrayOf)
      asked.push({ people, scope: { watchedStaff: [...new Set(staffIds)] }, lists })
    }
    return asked
  }

  /** Closes what is still open of what was when it was asked. Who has another role now connects again with it. */
  #end(key: string, open: readonly Access[]): void {
    const over = open.filter((access) => this.#people.get(key)?.includes(access))
    if (over.length === 0) return
    this.#identities.forget(over[0]!.staffId)
    for (const access of over) {
      this.forget(access)
      access.close()
    }
  }
}

import { statement, type Db } from '../../platform/database/db.ts'
import { limits } from '../../platform/limits.ts'
import type { Logger } from '../../platform/observability/log.ts'
import type { Notices } from '../../platform/database/notices.ts'
import { every } from '../../platform/shared-timer.ts'
import type { Role } from '../../changes/command/command.ts'
import type { Identities } from './identify.ts'

/** Someone with something open, by what their token belonged to and in the role that they had when it was opened. */
interface Person {
  /** Null while nobody was let in. */
  readonly restaurantId: string | null
  readonly staffId: string
  /** Of a sign-in of the native API; else null. */
  readonly signInId: string | null
  /** Of the account's tokens, where there is no sign-in; else null. */
  readonly generation: number | null
  readonly role: Role
}

/** Something that stays open in the name of someone, like a socket. */
export interface Access extends Person {
  /** Called once, when they no longer count or have another role. Must not throw. */
  close(): void
}

// Joined, and not added up: a text that was added up is kept together with its parts.
const keyOf = ({ staffId, signInId, generation, role }: Person): string =>
  [staffId, signInId ?? generation, role].join(' ')

// Who of these no longer counts, by their places: they are gone, inactive, suspended, signed out, or of another role or generation. Nearly always nobody, so nearly nothing is
// answered. Each person and their restaurant are looked up once, however many sign-ins they have open, and each sign-in by its key: the index of a person's sign-ins
// must be of no use here, since a house with one account on many devices has many.
const readOver = statement(
  'read-over',
  `with known as materialized (
     select s.id, s.restaurant_id, s.role, s.token_generation
     from staff s join restaurants r on r.restaurant_id = s.restaurant_id and r.is_active
     where s.id = any (array(select distinct unnest($1::uuid[]))) and s.is_active)
   select w.place::integer as place
   from unnest($1::uuid[], $2::uuid[], $3::text[], $4::integer[]) with ordinality
       as w (staff_id, sign_in_id, role, generation, place)
     left join known k on k.id = w.staff_id and k.role = w.role and k.token_generation = coalesce(w.generation, k.token_generation)
   where k.id is null or w.sign_in_id is not null and (
     select i.staff_id from sign_ins i
     where i.restaurant_id = k.restaurant_id and i.id = w.sign_in_id and i.revoked_at is null) is distinct from k.id`,
)

// Ids and roles need no quotes. The driver would look at each of them.
const arrayOf = (all: readonly (string | number | null)[]): string => `{${all.map((each) => each ?? 'NULL').join(',')}}`

/** One question: who of these no longer counts. */
interface Asked {
  readonly people: readonly Open[]
  readonly scope: { readonly watchedStaff: readonly string[] }
  readonly lists: readonly string[]
}

/** Somebody, by their key, with all that they have open. */
type Open = readonly [key: string, open: readonly Access[]]

/** What is said when somebody's access may have ended (migrations/0009): the restaurant, or nothing when it may be any. */
const CHANNEL = 'qtable_access'

/**
 * Sees to it that everyone who has something open in this process may still have it. Whatever may end somebody's access, an operator's SQL included, is said by the database when it commits, and
 * then everyone of that restaurant is looked at. Who has just come is looked at within `limits.accessReviewMillis`, because they may have been let in by what was known before; everyone is looked at
 * that often while the database isn't heard, and seldom while it is. A look is one query for all whom it is about. Spec: W7, W8.
 */
export class AccessReview {
  readonly #db: Db
  readonly #identities: Identities
  readonly #log: Logger
  /** What each person has open; mostly one thing, so a list, which is made anew when it changes, is enough. */
  readonly #people = new Map<string, readonly Access[]>()
  readonly #notices: Notices
  readonly #stopLooking: () => void
  /** Whom the next look is about: everyone, or these people and whoever is of these restaurants. */
  #everyone = false
  #due = new Set<string>()
  #dueRestaurants = new Set<string>()
  #ticks = 0
  /** What is asked about everyone; null when somebody came or went since. */
  #asked: readonly Asked[] | null = null
  #running: Promise<void> | null = null

  constructor(db: Db, identities: Identities, log: Logger, everyMillis: number = limits.accessReviewMillis) {
    this.#db = db
    this.#identities = identities
    this.#log = log
    this.#notices = db.notices(CHANNEL, {
      hear: (restaurantId) => this.#hear(restaurantId),
      begin: () => void this.review(),
    })
    this.#stopLooking = every(everyMillis, () => this.#tick())
  }

  /** People with something open, each counted once for each of their sign-ins and roles; and whether the database is heard. */
  get figures(): { people: number; isHearing: boolean } {
    return { people: this.#people.size, isHearing: this.#notices.isHearing }
  }

  /** From now on `access` is closed when it no longer counts, until it is forgotten. */
  register(access: Access): void {
    const key = keyOf(access)
    this.#people.set(key, this.#people.get(key)?.concat(access) ?? [access])
    this.#due.add(key)
    this.#asked = null
  }

  /** `access` has ended by itself. */
  forget(access: Access): void {
    const key = keyOf(access)
    this.#asked = null
    const left = this.#people.get(key)?.filter((one) => one !== access) ?? []
    if (left.length > 0) this.#people.set(key, left)
    else {
      this.#people.delete(key)
      this.#due.delete(key)
    }
  }

  /** Looks once at everyone. Never rejects: while the database is away, nobody is thrown out. */
  review(): Promise<void> {
    this.#everyone = true
    return this.#run()
  }

  /** Stops looking. */
  async close(): Promise<void> {
    this.#stopLooking()
    this.#people.clear()
    await this.#notices.close()
  }

  #tick(): void {
    this.#ticks++
    if (!this.#notices.isHearing || this.#ticks % limits.seldomReviewTicks === 0) this.#everyone = true
    void this.#run()
  }

  #hear(restaurantId: string): void {
    if (restaurantId === '') this.#everyone = true
    else this.#dueRestaurants.add(restaurantId)
    void this.#run()
  }

  #run(): Promise<void> {
    this.#running ??= Promise.resolve().then(() => this.#look())
    return this.#running
  }

  /** Looks until there is nobody left to look at, or the database can't be asked. */
  async #look(): Promise<void> {
    for (let asked = this.#next(); asked.length > 0; asked = this.#next()) {
      try {
        // What is opened from here on was let in by a later answer than this look will have.
        for (const { people, scope, lists } of asked) {
          const over = await this.#db.read<{ place: number }>(scope, readOver, lists)
          for (const { place } of over) this.#end(...people[place - 1]!)
        }
      } catch (error) {
        this.#everyone = true
        this.#log.warn({ err: error }, 'who is signed in could not be reviewed; trying again')
        break
      }
    }
    this.#running = null
  }

  /** What to ask about those whom the next look is about. */
  #next(): readonly Asked[] {
    const [everyone, due, restaurants] = [this.#everyone, this.#due, this.#dueRestaurants]
    this.#everyone = false
    this.#due = new Set()
    this.#dueRestaurants = new Set()
    if (everyone) return (this.#asked ??= questionsAbout([...this.#people]))
    if (due.size + restaurants.size === 0) return []
    const isDue = ([key, [first]]: Open) => due.has(key) || restaurants.has(first!.restaurantId ?? '')
    return questionsAbout([...this.#people].filter(isDue))
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

function questionsAbout(all: readonly Open[]): Asked[] {
  const asked: Asked[] = []
  for (let start = 0; start < all.length; start += limits.reviewIds) {
    const people = all.slice(start, start + limits.reviewIds)
    const firsts = people.map(([, [first]]) => first!)
    const staffIds = firsts.map(({ staffId }) => staffId)
    const lists = [
      staffIds,
      firsts.map(({ signInId }) => signInId),
      firsts.map(({ role }) => role),
      firsts.map(({ generation }) => generation),
    ].map(arrayOf)
    asked.push({ people, scope: { watchedStaff: [...new Set(staffIds)] }, lists })
  }
  return asked
}

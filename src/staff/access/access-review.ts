import { statement, type Db } from '../../platform/database/db.ts'
import { limits } from '../../platform/limits.ts'
import type { Logger } from '../../platform/observability/log.ts'
import type { Notices } from '../../platform/database/notices.ts'
import { every } from '../../platform/shared-timer.ts'
import type { Role } from '../../changes/command/command.ts'
import type { Identities } from './identify.ts'

/** A person with something open, what their token belonged to, and the role that they had when it was opened. */
interface Person {
  /** Null before anybody was admitted. */
  readonly restaurantId: string | null
  readonly staffId: string
  /** The sign-in of the native API; otherwise null. */
  readonly signInId: string | null
  /** The generation of the account's tokens, if there is no sign-in; otherwise null. */
  readonly generation: number | null
  readonly role: Role
}

/** Something that stays open in somebody's name, such as a socket. */
export interface Access extends Person {
  /** Called once, when their access has ended or their role has changed. Must not throw. */
  close(): void
}

// Use join, not +: V8 keeps a concatenated text together with its parts.
const keyOf = ({ staffId, signInId, generation, role }: Person): string =>
  [staffId, signInId ?? generation, role].join(' ')

// Finds those of the given people whose access has ended, by their index: deleted, inactive, suspended, signed out,
// or of another role or generation. The answer is nearly always empty. Each person and their restaurant are read
// once, however many sign-ins they have open. A device is its own sign-in. Each sign-in is found by its key. The index by person must not be used
// here, because a restaurant with one account on many devices has many sign-ins.
const readOver = statement(
  'read-over',
  `with known as materialized (
     select s.id, s.restaurant_id, s.role, s.token_generation
     from staff s join restaurants r on r.restaurant_id = s.restaurant_id and r.is_active
     where s.id = any (array(select distinct unnest($1::uuid[]))) and s.is_active
     union all
     select d.id, d.restaurant_id, 'host', 0
     from devices d join restaurants r on r.restaurant_id = d.restaurant_id and r.is_active
     where d.id = any (array(select distinct unnest($2::uuid[]))) and d.revoked_at is null)
   select w.place::integer as place
   from unnest($1::uuid[], $2::uuid[], $3::text[], $4::integer[]) with ordinality
       as w (staff_id, sign_in_id, role, generation, place)
     left join known k on k.id = w.staff_id and k.role = w.role and k.token_generation = coalesce(w.generation, k.token_generation)
   where k.id is null or w.sign_in_id <> w.staff_id and (
     select i.staff_id from sign_ins i
     where i.restaurant_id = k.restaurant_id and i.id = w.sign_in_id and i.revoked_at is null) is distinct from k.id`,
)

// Ids and roles need no quotes. The driver would check each of them.
const arrayOf = (all: readonly (string | number | null)[]): string => `{${all.map((each) => each ?? 'NULL').join(',')}}`

/** One query: whose access has ended? */
interface Asked {
  readonly people: readonly Open[]
  readonly scope: { readonly watchedStaff: readonly string[] }
  readonly lists: readonly string[]
}

/** A person, by key, with everything that they have open. */
type Open = readonly [key: string, open: readonly Access[]]

/**
 * The content of a notice that somebody's access may have ended (migrations/0009): the restaurant, or nothing when it
 * may be any.
 */
const CHANNEL = 'qtable_access'

/**
 * Closes what is open in this process when its access has ended. Whatever may end access, an operator's SQL included,
 * makes the database send a notice at commit. Everyone of that restaurant is then checked. New arrivals are checked
 * within `limits.accessReviewMillis`, because older knowledge may have admitted them. Everyone is checked that often
 * while notices do not arrive, and seldom while they do. A check is one query for all people concerned. Spec: W7, W8.
 */
export class AccessReview {
  readonly #db: Db
  readonly #identities: Identities
  readonly #log: Logger
  /** What each person has open. It is mostly one thing, so a list that is replaced on change is enough. */
  readonly #people = new Map<string, readonly Access[]>()
  readonly #notices: Notices
  readonly #stopLooking: () => void
  /** Whom the next check covers: everyone, or these people and all people of these restaurants. */
  #everyone = false
  #due = new Set<string>()
  #dueRestaurants = new Set<string>()
  #ticks = 0
  /** The query parameters for everyone; null after an arrival or departure. */
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

  /** The number of people with something open, each counted once per sign-in and role; and whether notices arrive. */
  get figures(): { people: number; isHearing: boolean } {
    return { people: this.#people.size, isHearing: this.#notices.isHearing }
  }

  /** From now on, `access` is closed when it ends, until it is forgotten. */
  register(access: Access): void {
    const key = keyOf(access)
    this.#people.set(key, this.#people.get(key)?.concat(access) ?? [access])
    this.#due.add(key)
    this.#asked = null
  }

  /** `access` was closed elsewhere. */
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

  /** Checks everyone once. Never rejects: while the database is unavailable, nobody is disconnected. */
  review(): Promise<void> {
    this.#everyone = true
    return this.#run()
  }

  /** Stops checking. */
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

  /** Checks until nobody is left, or the database is unavailable. */
  async #look(): Promise<void> {
    for (let asked = this.#next(); asked.length > 0; asked = this.#next()) {
      try {
        // Anything opened from here on was admitted by a newer answer than this check will have.
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

  /** The query parameters for the people of the next check. */
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

  /** Closes what was open at the time of the query and still is. A person with a new role connects again with it. */
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

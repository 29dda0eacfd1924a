import { statement, type Tx } from '../platform/database/db.ts'
import { AppError } from '../platform/errors.ts'
import { initialOf } from '../platform/field.ts'
import { limits } from '../platform/limits.ts'
import { plusMillis, type Instant } from '../platform/clock.ts'
import { LostRace, type Write } from '../changes/command/command.ts'
import { entity, type EntityOf } from '../changes/entity.ts'
import { versionConflict } from '../changes/rules.ts'
import { personFields } from './fields.ts'
import { emailKey, keysOf, phoneDigits, phoneKey, type Contact } from './contact-keys.ts'
import { NOBODY, summaryOf, type Joined, type PersonFacts } from './rules.ts'
import { piecesOf, wordsOf, type Wanted } from './search-text.ts'

export { joinedFields } from './fields.ts'

/** A person of the guest book. Devices of the stream see no people: they carry what they need on each party. */
export const personEntity = entity('person', 'Person', personFields, { table: 'people' })
export const personSchema = personEntity.schema

export type Person = EntityOf<typeof personFields>

const { columns, insert, update, row } = personEntity

const readPerson = statement(
  'read-person',
  `select ${columns} from people where restaurant_id = $1 and id = $2 and merged_into is null`,
)

/** How many visits of a person ended well before `$3`, in a statement where `$1` is the restaurant. */
const VISITS = `(select count(*) from person_visits v
  where v.restaurant_id = $1 and v.person_id = people.id and v.status = 'finished' and v.ended_at <= $3) as visits`

const lockByKeys = statement(
  'lock-people-by-keys',
  `select ${columns}, k.key, ${VISITS}
   from people join (select key, person_id from person_keys where restaurant_id = $1 and key = any ($2::text[])) k
     on k.person_id = people.id
   where restaurant_id = $1 and merged_into is null order by id for no key update of people`,
)

// Parties are linked to people by a foreign key, whose check takes the weaker lock: it never waits for this one.
const lockById = statement(
  'lock-people',
  `select ${columns} from people where restaurant_id = $1 and id = any ($2::uuid[]) and merged_into is null
   order by id for no key update`,
)

const readByKeys = statement(
  'people-by-keys',
  `select ${columns} from people where restaurant_id = $1 and merged_into is null and id in (
     select person_id from person_keys where restaurant_id = $1 and key = any ($2::text[]))`,
)

const insertKeys = statement(
  'insert-person-keys',
  `insert into person_keys (restaurant_id, key, person_id)
   select $1, key, $2 from unnest($3::text[]) as key order by key
   on conflict do nothing returning key`,
)

const deleteKeys = statement(
  'delete-person-keys',
  `delete from person_keys where restaurant_id = $1 and person_id = $2 and key = any ($3::text[])`,
)

const readKeys = statement(
  'read-person-keys',
  `select key from person_keys where restaurant_id = $1 and person_id = $2 order by key`,
)

const indexWords = statement(
  'index-person',
  `insert into people_index (restaurant_id, person_id, words, pieces, updated_at) values ($1, $2, $3, $4, $5)
   on conflict (restaurant_id, person_id) do update
     set words = excluded.words, pieces = excluded.pieces, updated_at = excluded.updated_at`,
)

// `found_people` is the index of the own restaurant (migrations): below row-level security, PostgreSQL would not look
// anything up in it. Those that changed last come first, of as many as are looked at.
const searchWords = statement(
  'search-people',
  `select ${columns} from people p
     join (select person_id from (
             select person_id, updated_at from found_people
             where pieces @> $2::int[] and words like all ($3::text[]) limit $4) looked_at
           order by updated_at desc, person_id desc limit $5) f
       on f.person_id = p.id
   where p.restaurant_id = $1 and p.merged_into is null
   order by p.updated_at desc, p.id desc`,
  { isPlannedAnew: true },
)

/**
 * Until when a visit must have ended to count as an earlier one. A party that is finished by mistake and added again is on
 * the same visit.
 */
export const countedBefore = (now: Instant): Instant => plusMillis(now, -limits.sameVisitMillis)

/** A person by id, or undefined. One that was merged into another is not there. */
export const findPerson = (tx: Tx, restaurantId: string, id: string): Promise<Person | undefined> =>
  tx.maybe<Person>(readPerson, [restaurantId, id])

/** People by a key of theirs, as `keysOf` writes it. */
export const findByKeys = (tx: Tx, restaurantId: string, keys: readonly string[]): Promise<Person[]> =>
  tx.all<Person>(readByKeys, [restaurantId, keys])

/** People who have all of what is wanted, the last changed first, `limit` at most. */
export const searchPeople = (
  tx: Tx,
  restaurantId: string,
  { pieces, patterns }: Wanted,
  limit: number,
): Promise<Person[]> => tx.all<Person>(searchWords, [restaurantId, pieces, patterns, limits.peopleLookedAt, limit])

/** Locks people in the order of id. Throws `AppError` person-not-found (404) where one is not there. */
export async function lockPeople(w: Write, ids: readonly string[]): Promise<Person[]> {
  const rows = await w.tx.all<Person>(lockById, [w.restaurantId, ids])
  return ids.map((id) => rows.find((person) => person.id === id) ?? refuseUnknown(id))
}

/** Throws `AppError` person-not-found (404). */
export function refuseUnknown(personId: string): never {
  throw new AppError('person-not-found', 404, 'There is no such person in the guest book', { personId })
}

/** Throws `AppError` version-conflict (409) where a person is not as the host saw it. */
export function refuseVersion(person: Person, version: number | undefined): void {
  if (version === undefined || version === person.version) return
  const { code, status, message, details } = versionConflict('person', person)
  throw new AppError(code, status, message, details)
}

/** The facts of a person, without id and stamps. */
export const factsOfPerson = (person: Person): PersonFacts =>
  Object.fromEntries(Object.keys(personFields).map((name) => [name, person[name as keyof Person]])) as never

/** Stores a new person. Its keys are to be claimed as well. */
export function storePerson(w: Write, person: Person, keys: readonly string[]): void {
  w.tx.send(insert, row(w, person))
  indexPerson(w, person, keys)
}

/** Stores a changed person, whom the caller has locked. `keys`: all that it has now. */
export function savePerson(w: Write, changed: Person, keys: readonly string[]): Person {
  const person = { ...changed, version: changed.version + 1, updatedAt: w.now }
  w.tx.send(update, row(w, person))
  indexPerson(w, person, keys)
  return person
}

/** Notes the words that a person is found by: its name, and every number that it is known by. */
function indexPerson(w: Write, person: Person, keys: readonly string[]): void {
  const numbers = keys.filter((key) => key.startsWith('tel:')).map((key) => phoneDigits(key.slice(4)))
  const others = numbers.filter((number) => number !== null && number !== phoneDigits(person.phone))
  const words = [wordsOf(person), ...others.map((number) => ` ${number}`)].join('')
  w.tx.send(indexWords, [w.restaurantId, person.id, words, piecesOf(w.restaurantId, words), w.now])
}

/** Claims keys for a person. Gives those that somebody else has, even one whose command is about to commit. */
export async function claimKeys(w: Write, personId: string, keys: readonly string[]): Promise<string[]> {
  if (keys.length === 0) return []
  const claimed = await w.tx.all<{ key: string }>(insertKeys, [w.restaurantId, personId, keys])
  return keys.filter((key) => !claimed.some((each) => each.key === key))
}

/** Claims keys for a person. Throws `AppError` person-exists (409) with whose they are. */
export async function requireKeys(w: Write, personId: string, keys: readonly string[]): Promise<void> {
  const taken = await claimKeys(w, personId, keys)
  if (taken.length === 0) return
  const [other] = await findByKeys(w.tx, w.restaurantId, taken)
  const message = 'Somebody in the guest book has this phone or e-mail: merge the two, or use theirs'
  throw new AppError('person-exists', 409, message, { personId: other?.id ?? null })
}

/** Gives keys back. */
export const releaseKeys = (w: Write, personId: string, keys: readonly string[]): void => {
  if (keys.length > 0) w.tx.send(deleteKeys, [w.restaurantId, personId, keys])
}

/** All keys of a person. */
export const keysOfPerson = async (tx: Tx, restaurantId: string, personId: string): Promise<string[]> =>
  (await tx.all<{ key: string }>(readKeys, [restaurantId, personId])).map(({ key }) => key)

/** Whoever a party may be. */
interface Named extends Contact {
  readonly firstName: string
  readonly lastName?: string
}

/** What is sent of a party: what is not sent stays. */
type Sent = { readonly [K in keyof Named]?: Named[K] | undefined }

type Found = Person & { readonly key: string; readonly visits: number }

const findAndLock = async (w: Write, keys: readonly string[]): Promise<Found[]> =>
  keys.length === 0 ? [] : w.tx.all<Found>(lockByKeys, [w.restaurantId, keys, countedBefore(w.now)])

/**
 * Whose visit a party is: of the person with its phone, else with its e-mail, else of a new one. A person learns the phone
 * or e-mail that it lacked. Throws `LostRace` where somebody else just claimed a key. Spec: E3.
 */
export async function joinPerson(w: Write, party: Sent): Promise<Joined> {
  const { firstName = '', lastName = '', phone = null, email = null } = party
  const keys = keysOf({ phone, email })
  if (keys.length === 0) return NOBODY
  const found = await findAndLock(w, keys)
  const isFree = (key: string | null) => key !== null && !found.some((each) => each.key === key)
  const known = keys.map((key) => found.find((each) => each.key === key)).find((each) => each !== undefined)
  if (known === undefined) return joinNew(w, { firstName, lastName, phone, email }, keys)
  const { key: _, visits, ...person } = known
  const learnt = {
    ...person,
    phone: person.phone ?? (isFree(phoneKey(phone)) ? phone : null),
    email: person.email ?? (isFree(emailKey(email)) ? email : null),
  }
  if (learnt.phone !== person.phone || learnt.email !== person.email) {
    const fresh = keysOf(learnt).filter(isFree)
    await claimNow(w, person.id, fresh)
    savePerson(w, learnt, [...fresh, ...(await keysOfPerson(w.tx, w.restaurantId, person.id))])
  }
  return { personId: person.id, person: summaryOf(person, person.earlierVisits + visits) }
}

async function joinNew(w: Write, named: Required<Named>, keys: readonly string[]): Promise<Joined> {
  const facts = { ...initialOf(personFields), ...named }
  const person = { id: w.newId(), ...facts, version: 1, createdAt: w.now, updatedAt: w.now }
  storePerson(w, person, keys)
  await claimNow(w, person.id, keys)
  return { personId: person.id, person: summaryOf(person, 0) }
}

async function claimNow(w: Write, personId: string, keys: readonly string[]): Promise<void> {
  if ((await claimKeys(w, personId, keys)).length > 0) throw new LostRace('somebody else has this phone or e-mail now')
}

/** Locks the people whom a changed party may be of, before the party: people stand lower on the ladder. */
export const lockByContact = (w: Write, { phone = null, email = null }: Sent): Promise<unknown> =>
  findAndLock(w, keysOf({ phone, email }))

/**
 * Whose visit a party is after a change of its phone or e-mail; nothing where they stay the same. A party with neither is
 * nobody's. Spec: E3.
 */
export async function joinAnew(
  w: Write,
  before: (Sent & Contact) | null | undefined,
  sent: Sent,
): Promise<Partial<Joined>> {
  if (!before) return {}
  const { firstName = before.firstName, lastName = before.lastName } = sent
  const { phone = before.phone, email = before.email } = sent
  const [was, is] = [keysOf(before), keysOf({ phone, email })].map((keys) => keys.join(' '))
  return was === is ? {} : joinPerson(w, { firstName, lastName, phone, email })
}

import { statement, type Tx } from '../platform/database/db.ts'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import type { Write } from '../changes/command/command.ts'
import { entity, type EntityOf } from '../changes/entity.ts'
import { personFields } from './fields.ts'
import { phoneDigits } from './contact-keys.ts'
import { piecesOf, wordsOf, type Wanted } from './search-text.ts'

/** A person of the guest book. Devices of the stream see no people: they carry what they need on each party. */
export const personEntity = entity('person', 'Person', personFields, { table: 'people' })
export const personSchema = personEntity.schema

export type Person = EntityOf<typeof personFields>

const { columns, insert, update, row } = personEntity

const readPerson = statement(
  'read-person',
  `select ${columns} from people where restaurant_id = $1 and id = $2 and merged_into is null`,
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
  `insert into people_index (restaurant_id, person_id, words, pieces) values ($1, $2, $3, $4)
   on conflict (restaurant_id, person_id) do update set words = excluded.words, pieces = excluded.pieces`,
)

// `found_people` is the index of the own restaurant (migrations): below row-level security, PostgreSQL would not look
// anything up in it. Those that changed last come first, of as many as are looked at.
const searchWords = statement(
  'search-people',
  `select ${columns} from people p
     join (select person_id from found_people where pieces @> $2::int[] and words like all ($3::text[]) limit $4) f
       on f.person_id = p.id
   where p.restaurant_id = $1 and p.merged_into is null
   order by p.updated_at desc, p.id desc limit $5`,
  { isPlannedAnew: true },
)

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
  w.tx.send(indexWords, [w.restaurantId, person.id, words, piecesOf(w.restaurantId, words)])
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

import { statement, type Tx } from '../../platform/database/db.ts'
import type { Write } from '../../changes/command/command.ts'
import { personEntity, type Person } from '../../people/people.ts'
import type { PersonFacts } from '../../people/rules.ts'
import type { Party } from './visits.ts'

/** What each merge did, so that it can be undone exactly. */

/** What a merge found and made. */
export interface MergeRecord {
  /** The facts of the person that stayed, before and after. */
  readonly before: PersonFacts
  readonly after: PersonFacts
  /** The keys that it took over. */
  readonly keys: readonly string[]
  /** Each party that it changed, as it was. */
  readonly parties: readonly Pick<Party, 'kind' | 'id' | 'personId' | 'person'>[]
}

export interface Merge {
  readonly id: string
  readonly absorbedId: string
  readonly record: MergeRecord
}

const insertMerge = statement(
  'insert-merge',
  `insert into person_merges (restaurant_id, id, survivor_id, absorbed_id, at, record) values ($1, $2, $3, $4, $5, $6)`,
)

const readNewest = statement(
  'newest-merge',
  `select id, absorbed_id as "absorbedId", record from person_merges
   where restaurant_id = $1 and survivor_id = $2 order by at desc, id desc limit 1`,
)

const countMerges = statement(
  'count-merges',
  `select count(*) as merges from person_merges where restaurant_id = $1 and survivor_id = $2`,
)

const deleteMerge = statement('delete-merge', `delete from person_merges where restaurant_id = $1 and id = $2`)

const moveKeys = statement(
  'move-person-keys',
  `update person_keys set person_id = $3 where restaurant_id = $1 and person_id = $2 and ($4::text[] is null or key = any ($4))
   returning key`,
)

const hide = statement('hide-person', `update people set merged_into = $3 where restaurant_id = $1 and id = $2`)

const unindex = statement('unindex-person', `delete from people_index where restaurant_id = $1 and person_id = $2`)

const lockAbsorbed = statement(
  'lock-absorbed-person',
  `select ${personEntity.columns} from people where restaurant_id = $1 and id = $2 and merged_into = $3 for no key update`,
)

/** Notes a merge. */
export const noteMerge = (w: Write, survivorId: string, absorbedId: string, record: MergeRecord): void =>
  w.tx.send(insertMerge, [w.restaurantId, w.newId(), survivorId, absorbedId, w.now, JSON.stringify(record)])

/** The newest merge into a person that is not undone. The caller has locked the person. */
export const newestMerge = (w: Write, survivorId: string): Promise<Merge | undefined> =>
  w.tx.maybe<Merge>(readNewest, [w.restaurantId, survivorId])

/** How many merges into a person are not undone. */
export const mergesInto = async (tx: Tx, restaurantId: string, survivorId: string): Promise<number> =>
  (await tx.one<{ merges: number }>(countMerges, [restaurantId, survivorId])).merges

/** Forgets a merge that was undone. */
export const forgetMerge = (w: Write, id: string): void => w.tx.send(deleteMerge, [w.restaurantId, id])

/** Moves keys from one person to another, all of them or some. Gives those that were moved. */
export const takeKeys = async (w: Write, from: string, to: string, keys: readonly string[] | null): Promise<string[]> =>
  (await w.tx.all<{ key: string }>(moveKeys, [w.restaurantId, from, to, keys])).map(({ key }) => key)

/** Takes a person out of the guest book, who is from now on a part of another. */
export function absorb(w: Write, personId: string, into: string): void {
  w.tx.send(hide, [w.restaurantId, personId, into])
  w.tx.send(unindex, [w.restaurantId, personId])
}

/** Brings a person back that was absorbed. */
export const release = (w: Write, personId: string): void => w.tx.send(hide, [w.restaurantId, personId, null])

/** Locks a person that was absorbed by another. */
export const lockAbsorbedPerson = (w: Write, personId: string, into: string): Promise<Person> =>
  w.tx.one<Person>(lockAbsorbed, [w.restaurantId, personId, into])

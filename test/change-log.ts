import { append, changesAfter, headOf, type Change, type Draft, type Entry } from '../src/changes/log/log.ts'
import { changesSince, type Place, type Since } from '../src/changes/log/since.ts'
import { systemClock } from '../src/platform/clock.ts'
import { newId } from '../src/platform/ids.ts'
import { newOwner, type TestDatabase } from './database.ts'

/** The log of a restaurant, written and read without commands. */

const clock = systemClock()

/** A thing as a change tells of it. */
export const thing = (id = newId(), version = 1, more: object = {}): Entry & { readonly op: 'put' } => ({
  op: 'put',
  kind: 'thing',
  id,
  event: 'made',
  version,
  value: { id, version, note: '"é\\\n\u{1F37D}', ...more },
})

const FILL = `
  with head as (
    update qtable.heads set seq = seq + $2::int, last_at = last_at + $2::int * interval '1 millisecond'
    where restaurant_id = $1 returning epoch, seq - $2::int as seq, last_at - $2::int * interval '1 millisecond' as at)
  insert into qtable.changes (restaurant_id, seq, epoch, at, command, entries)
  select $1, seq + n, epoch, at + n * interval '1 millisecond', 'test', json_build_array(json_build_object('op', 'put',
    'kind', 'thing', 'id', gen_random_uuid(), 'event', 'made', 'version', 1, 'value', json_build_object('version', 1)))
  from head, generate_series(1, $2::int) n`

export type ChangeLog = Awaited<ReturnType<typeof openLog>>

/** A restaurant with a log of its own. */
export async function openLog(database: TestDatabase) {
  const { db } = database
  const {
    restaurantId,
    actor: { staffId },
  } = await newOwner(db)
  const { epoch } = await db.transaction({ restaurantId }, (tx) => headOf(tx, restaurantId))
  const base = { restaurantId, command: 'test', actorId: staffId, device: null }
  /** Appends a change as it is told. */
  const append1 = (draft: Partial<Draft>): Promise<Change> =>
    db.transaction({ restaurantId }, (tx) =>
      append(tx, { ...base, mutationId: null, entries: [thing()], ...draft }, clock.now()),
    )
  /** Appends so many in one transaction. */
  const add = (n = 1): Promise<Change[]> =>
    db.transaction({ restaurantId }, async (tx) => {
      const made: Change[] = []
      for (let i = 0; i < n; i++)
        made.push(await append(tx, { ...base, mutationId: `m "${i}"`, entries: [thing()] }, clock.now()))
      return made
    })
  /** So many at once, in one statement; all that the log has then. */
  const fill = async (count: number): Promise<Change[]> => {
    await database.sql(FILL, [restaurantId, count])
    const made = await changesAfter(db, restaurantId, 0)
    for (let page = made; page.length > 0;)
      made.push(...(page = await changesAfter(db, restaurantId, made.at(-1)!.seq)))
    return made
  }
  const since = (place: Partial<Place>, limit = 500): Promise<Since> =>
    db.transaction({ restaurantId }, (tx) => changesSince(tx, restaurantId, { epoch, since: 0, limit, ...place }))
  return { restaurantId, staffId, epoch, append: append1, add, fill, since }
}

/** The numbers of what was missed, or why it is not told. */
export const seqs = (answer: Since): number[] | string =>
  answer.kind === 'changes' ? answer.changes.map(({ seq }) => seq) : answer.reason

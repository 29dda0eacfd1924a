import type { Restaurant } from '../kit.ts'
import { asLogin } from '../postgres.ts'

/** A restaurant that goes on without a device: many changes, put into the log and the tables by SQL, because nobody wants to wait for so many commands. */

interface Snapshot {
  readonly seq: number
  readonly entities: readonly { readonly kind: string; readonly id: string; readonly value: Record<string, unknown> }[]
}

/** Edits guests of a restaurant in turn, `count` times. Nobody may be writing there. Gives the seq of the newest change. */
export async function missChanges(
  url: string,
  restaurant: Pick<Restaurant, 'id' | 'staffId' | 'v2'>,
  count: number,
): Promise<number> {
  const snapshot = (await restaurant.v2('GET', '/snapshot')).body as Snapshot
  const guests = snapshot.entities.filter(({ kind }) => kind === 'guest').map(({ value }) => ({ ...value }))
  if (guests.length === 0) throw new Error('there is no guest to edit')
  const [head] = await asLogin<{ at: string }>(
    url,
    `select to_char(last_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at from qtable.heads where restaurant_id = $1`,
    [restaurant.id],
  )
  const entries = Array.from({ length: count }, (_, n) => {
    const guest = guests[n % guests.length]!
    guest['notes'] = `edit ${n}: by the window, no nuts, they come every year`
    guest['version'] = Number(guest['version']) + 1
    guest['updatedAt'] = later(head!.at, n + 1)
    const { id, version } = guest
    return JSON.stringify([{ op: 'put', kind: 'guest', id, event: 'edited', version, value: { ...guest } }])
  })
  const at = entries.map((_, n) => later(head!.at, n + 1))
  await asLogin(
    url,
    `with told as (
       insert into qtable.changes (restaurant_id, seq, epoch, at, command, mutation_id, actor_id, device, entries)
       select h.restaurant_id, h.seq + e.n, h.epoch, e.at, 'update-guest', gen_random_uuid()::text, $4, 'Host stand', e.entries::json
       from qtable.heads h, unnest($2::text[], $3::timestamptz[]) with ordinality as e (entries, at, n) where h.restaurant_id = $1),
     edited as (
       update qtable.guests g set notes = v.notes, version = v.version, updated_at = v.at
       from unnest($5::uuid[], $6::text[], $7::int[], $8::timestamptz[]) as v (id, notes, version, at)
       where g.restaurant_id = $1 and g.id = v.id)
     update qtable.heads set seq = seq + $9, last_at = $10 where restaurant_id = $1`,
    [
      restaurant.id,
      entries,
      at,
      restaurant.staffId,
      ...['id', 'notes', 'version', 'updatedAt'].map((name) => guests.map((guest) => guest[name])),
      count,
      at.at(-1),
    ],
  )
  return snapshot.seq + count
}

/** So many milliseconds after a time. */
const later = (at: string, millis: number): string =>
  `${new Date(Date.parse(at) + millis).toISOString().slice(0, -1)}${at.slice(-4)}`

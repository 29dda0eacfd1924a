import { statement, type Tx } from '../platform/database/db.ts'
import type { Instant } from '../platform/clock.ts'

const insertRestaurant = statement(
  'insert-restaurant',
  `insert into restaurants (restaurant_id, name, slug, created_at, updated_at) values ($1, $2, $3, $4, $4)
   on conflict (slug) do nothing returning true as made`,
)

/**
 * Stores a new restaurant. Names may repeat. The slug, for page addresses, gets the end of the id when its plain form
 * is taken.
 */
export async function storeRestaurant(tx: Tx, id: string, name: string, now: Instant): Promise<void> {
  const plain = slugOf(name)
  const made = await tx.maybe(insertRestaurant, [id, name, plain, now])
  if (!made) await tx.one(insertRestaurant, [id, name, `${plain.slice(0, 80)}-${id.slice(-12)}`, now])
}

/** A name as a slug: `Cedar & Salt` becomes `cedar-salt`. Never empty. */
export function slugOf(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 100)
  return plain === '' ? 'restaurant' : plain
}

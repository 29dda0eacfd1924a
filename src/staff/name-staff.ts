import { statement, type Tx } from '../platform/database/db.ts'

const readName = statement(
  'name-staff',
  `select concat_ws(' ', first_name, last_name) as name from staff where restaurant_id = $1 and id = $2`,
)

/** A person's name. Null for nobody, and for a person without a name: an e-mail address is no name to show to colleagues. */
export async function nameStaff(tx: Tx, restaurantId: string, staffId: string): Promise<string | null> {
  const row = await tx.maybe<{ name: string }>(readName, [restaurantId, staffId])
  return row?.name || null
}

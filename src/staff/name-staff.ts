import { statement, type Tx } from '../platform/database/db.ts'

const readName = statement(
  'name-staff',
  `select concat_ws(' ', first_name, last_name) as name, email from staff where restaurant_id = $1 and id = $2`,
)

/** A person's name or, if none is known, the e-mail address. Null for nobody. */
export async function nameStaff(tx: Tx, restaurantId: string, staffId: string): Promise<string | null> {
  const row = await tx.maybe<{ name: string; email: string }>(readName, [restaurantId, staffId])
  return row ? row.name || row.email : null
}

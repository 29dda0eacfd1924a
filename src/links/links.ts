import { createHash, timingSafeEqual } from 'node:crypto'
import { assert } from '../platform/errors.ts'
import { statement, type Db } from '../platform/database/db.ts'
import type { Instant } from '../platform/clock.ts'
import type { Secrets } from '../platform/passwords.ts'
import type { Write } from '../changes/command/command.ts'

/**
 * Tokens of guest links. A token is its restaurant's id and 128 bits that only SECRET_KEY can make from the link's id. So
 * no table, log or stored answer has it, and a message that waits needs none. The restaurant in it is the wall: a token is
 * looked for among the links of that restaurant only. Spec: J2.
 */

/** A stored link. */
export interface Link {
  readonly id: string
  readonly guestId: string
  readonly createdAt: Instant
}

const SECRET_BYTES = 16
const TOKEN = /^[\w-]{43}$/

const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex')
const uuidOf = (bytes: Buffer): string =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

/** The token of a link. */
export function tokenOf(secrets: Secrets | undefined, restaurantId: string, linkId: string): string {
  assert(secrets, 'a link needs the secret key')
  const secret = secrets.links(`${restaurantId} ${linkId}`).subarray(0, SECRET_BYTES)
  return Buffer.concat([bytesOf(restaurantId), secret]).toString('base64url')
}

/** What is stored of a token. */
export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

/** The restaurant that a token names, or null where it can be none. */
export function restaurantIn(token: string): string | null {
  if (!TOKEN.test(token)) return null
  const bytes = Buffer.from(token, 'base64url')
  // Only one spelling of a token counts.
  return bytes.toString('base64url') === token ? uuidOf(bytes.subarray(0, SECRET_BYTES)) : null
}

const readLink = statement(
  'read-guest-link',
  `select l.id, l.guest_id as "guestId", l.created_at as "createdAt", l.token_hash as hash
   from guest_links l join restaurants r on r.restaurant_id = l.restaurant_id
   where l.restaurant_id = $1 and l.token_hash = $2 and r.is_active`,
)

/** The link that a token opens, or null: of a restaurant that is suspended none. */
export async function findLink(db: Db, restaurantId: string, token: string): Promise<Link | null> {
  const wanted = hashOf(token)
  const [row] = await db.read<Link & { readonly hash: Buffer }>({ restaurantId }, readLink, [restaurantId, wanted])
  if (!row || !timingSafeEqual(row.hash, wanted)) return null
  const { id, guestId, createdAt } = row
  return { id, guestId, createdAt }
}

const readOfGuest = statement(
  'read-link-of-guest',
  `select id, guest_id as "guestId", created_at as "createdAt" from guest_links
   where restaurant_id = $1 and guest_id = $2 for update`,
)
const upsertLink = statement(
  'upsert-guest-link',
  `insert into guest_links (restaurant_id, id, guest_id, token_hash, created_at) values ($1, $2, $3, $4, $5)
   on conflict (restaurant_id, guest_id) do update set id = $2, token_hash = $4, created_at = $5`,
)
const deleteLink = statement(
  'delete-guest-link',
  `delete from guest_links where restaurant_id = $1 and guest_id = $2 returning true as gone`,
)

/** The link of a guest, whom the caller has locked. */
export const linkOf = (w: Write, guestId: string): Promise<Link | undefined> =>
  w.tx.maybe<Link>(readOfGuest, [w.restaurantId, guestId])

/** Stores a link, in the place of an earlier one. */
export function storeLink(w: Write, { id, guestId, createdAt }: Link): void {
  const hash = hashOf(tokenOf(w.secrets, w.restaurantId, id))
  w.tx.send(upsertLink, [w.restaurantId, id, guestId, hash, createdAt])
}

/** Ends the link of a guest; whether there was one. */
export const dropLink = async (w: Write, guestId: string): Promise<boolean> =>
  (await w.tx.maybe(deleteLink, [w.restaurantId, guestId])) !== undefined

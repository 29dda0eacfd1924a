import { createHash } from 'node:crypto'
import { statement, type Db } from '../../platform/database/db.ts'
import { microsOf, type Instant } from '../../platform/clock.ts'
import { bytesOf, idIn } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import type { Tokens } from '../../platform/tokens.ts'
import type { StaffActor } from '../../changes/command/command.ts'

/**
 * Grants: proof that a person entered their PIN on a device. A device keeps one for each person, and sends it with what
 * the person did, however long after. It says which device and person it is of, so no other device can use it. It counts
 * while the person is active, has the same PIN and their tokens were not ended, for `limits.grantMillis`.
 */

// Tells a grant from the other texts that this key seals.
const MARK = Buffer.from('grant ')
const ID_BYTES = 16
const PIN_BYTES = 8
const BYTES = MARK.length + 3 * ID_BYTES + 4 + PIN_BYTES + 8

/** What a grant is made of. */
export interface Granted {
  readonly restaurantId: string
  readonly deviceId: string
  readonly staffId: string
  readonly generation: number
  readonly pinHash: string
}

/** A grant that is made now. */
export function makeGrant(tokens: Tokens, of: Granted, now: Instant): string {
  const numbers = Buffer.alloc(4)
  numbers.writeUInt32BE(of.generation)
  const made = Buffer.alloc(8)
  made.writeBigUInt64BE(BigInt(microsOf(now)))
  const ids = [of.restaurantId, of.deviceId, of.staffId].map(bytesOf)
  return tokens.seal(Buffer.concat([MARK, ...ids, numbers, pinMark(of.pinHash), made]))
}

/** Which PIN it was. Another one, or the same one set again, has another salt. */
const pinMark = (pinHash: string): Buffer => createHash('sha256').update(pinHash).digest().subarray(0, PIN_BYTES)

const readGrantee = statement(
  'read-grantee',
  `select role, token_generation as generation, pin_hash as "pinHash" from staff
   where restaurant_id = $1 and id = $2 and is_active and pin_hash is not null`,
)

interface Grantee {
  readonly role: StaffActor['role']
  readonly generation: number
  readonly pinHash: string
}

/** The person that a grant names, if it counts on this device now. Spec: A23. */
export async function personOf(
  { db, tokens }: { readonly db: Db; readonly tokens: Tokens },
  device: { readonly restaurantId: string; readonly deviceId: string },
  text: string,
  nowMillis: number,
): Promise<StaffActor | null> {
  const bytes = tokens.unseal(text)
  if (bytes?.length !== BYTES || !bytes.subarray(0, MARK.length).equals(MARK)) return null
  const [restaurantId, deviceId, staffId] = [0, 1, 2].map((n) => idIn(bytes, MARK.length + n * ID_BYTES))
  if (restaurantId !== device.restaurantId || deviceId !== device.deviceId) return null
  let at = MARK.length + 3 * ID_BYTES
  const generation = bytes.readUInt32BE(at)
  const mark = bytes.subarray((at += 4), (at += PIN_BYTES))
  const madeMillis = Number(bytes.readBigUInt64BE(at)) / 1000
  if (madeMillis + limits.grantMillis <= nowMillis) return null
  const [person] = await db.read<Grantee>({ restaurantId }, readGrantee, [restaurantId, staffId])
  const counts = person?.generation === generation && pinMark(person.pinHash).equals(mark)
  return counts ? { staffId: staffId!, role: person.role } : null
}

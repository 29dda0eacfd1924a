import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { statement, type Tx } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { idField, sentInstant, textField } from '../../platform/fields.ts'
import { limits } from '../../platform/limits.ts'
import type { Write } from '../../changes/command/command.ts'

/** Shared devices as managers see them. */

/** A shared device. `seenAt`: when it last renewed its access. */
export const deviceSchema = z
  .object({
    id: idField,
    name: z.string(),
    checksPinsOffline: z.boolean(),
    addedBy: idField,
    pairedAt: sentInstant.nullable(),
    seenAt: sentInstant.nullable(),
    revokedAt: sentInstant.nullable(),
    createdAt: sentInstant,
    updatedAt: sentInstant,
  })
  .meta({ id: 'Device' })
export type Device = z.output<typeof deviceSchema>

/** A device's name, as a field of an input. */
export const deviceNameField = textField(limits.deviceCharacters).min(1)

const columns = `id, name, checks_pins_offline as "checksPinsOffline", added_by as "addedBy", paired_at as "pairedAt",
  seen_at as "seenAt", revoked_at as "revokedAt", created_at as "createdAt", updated_at as "updatedAt"`

const readAll = statement(
  'read-devices',
  `select ${columns} from devices where restaurant_id = $1 order by revoked_at desc nulls first, id limit $2`,
)

const lockOne = statement(
  'lock-device',
  `select ${columns} from devices where restaurant_id = $1 and id = $2 for update`,
)

const countLive = statement(
  'count-devices',
  `select count(*) as count from devices where restaurant_id = $1 and revoked_at is null`,
)

const forgetOld = statement('forget-devices', `delete from devices where restaurant_id = $1 and revoked_at < $2`)

const insertOne = statement(
  'insert-device',
  `insert into devices (restaurant_id, id, name, checks_pins_offline, added_by, code_hash, code_expires_at, created_at, updated_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $8) returning ${columns}`,
)

const updateOne = statement(
  'update-device',
  `update devices set name = $3, checks_pins_offline = $4, updated_at = $5 where restaurant_id = $1 and id = $2
   returning ${columns}`,
)

const revokeOne = statement(
  'revoke-device',
  `update devices set revoked_at = $3, updated_at = $3, code_hash = null where restaurant_id = $1 and id = $2
   returning ${columns}`,
)

/** All devices of a restaurant; those in use come first. */
export const readDevices = (tx: Tx, restaurantId: string): Promise<Device[]> =>
  tx.all<Device>(readAll, [restaurantId, limits.devicesListed])

/** Locks a device. Throws `AppError` device-not-found (404). */
export async function lockDevice(w: Write, id: string): Promise<Device> {
  const found = await w.tx.maybe<Device>(lockOne, [w.restaurantId, id])
  if (!found) throw new AppError('device-not-found', 404, 'There is no such device', { deviceId: id })
  return found
}

/** How many devices are not revoked. Deletes those that were revoked before a time. */
export async function countDevices(w: Write, forgottenBefore: string): Promise<number> {
  const [, { count }] = await Promise.all([
    w.tx.all(forgetOld, [w.restaurantId, forgottenBefore]),
    w.tx.one<{ count: number }>(countLive, [w.restaurantId]),
  ])
  return count
}

/** What a new device is stored with. */
export interface NewDevice {
  readonly id: string
  readonly name: string
  readonly checksPinsOffline: boolean
  readonly addedBy: string
  readonly codeHash: Buffer
  readonly codeExpiresAt: string
}

export const storeDevice = (w: Write, made: NewDevice): Promise<Device> => {
  const { id, name, checksPinsOffline, addedBy, codeHash, codeExpiresAt } = made
  return w.tx.one<Device>(insertOne, [
    w.restaurantId,
    id,
    name,
    checksPinsOffline,
    addedBy,
    codeHash,
    codeExpiresAt,
    w.now,
  ])
}

/** Stores a locked device's name and rights. */
export const saveDevice = (w: Write, { id, name, checksPinsOffline }: Device): Promise<Device> =>
  w.tx.one<Device>(updateOne, [w.restaurantId, id, name, checksPinsOffline, w.now])

/** Ends a locked device's sign-in, or its pairing code. */
export const endDevice = (w: Write, id: string): Promise<Device> =>
  w.tx.one<Device>(revokeOne, [w.restaurantId, id, w.now])

// No letters and digits that look alike: Crockford's base 32.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CODE_CHARACTERS = 10

/** A new pairing code of 50 random bits, in two groups. */
export function makeCode(): string {
  const letters = [...randomBytes(CODE_CHARACTERS)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('')
  return `${letters.slice(0, CODE_CHARACTERS / 2)}-${letters.slice(CODE_CHARACTERS / 2)}`
}

/** The hash that a code is stored as, however a person typed it. Within its ten minutes nobody finds it from the hash. */
export function hashOfCode(typed: string): Buffer {
  const plain = typed
    .toUpperCase()
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
    .replaceAll(/[^0-9A-Z]/g, '')
  return createHash('sha256').update(`pairing code ${plain}`).digest()
}

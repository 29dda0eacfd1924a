import { statement, type Db } from '../../platform/database/db.ts'
import { AppError } from '../../platform/errors.ts'
import { microsOf, type Instant } from '../../platform/clock.ts'
import type { Origin } from '../../platform/http/origin.ts'
import { networkOf } from '../sign-ins/known-devices.ts'
import { makeRefreshToken, readRefreshToken } from '../sign-ins/refresh-tokens.ts'
import { useOf } from '../sign-ins/refresh-sign-in.ts'
import { addressKey } from '../sign-ins/sign-in.ts'
import { expiryOf, lifeOf, type SignInDeps } from '../sign-ins/start-sign-in.ts'
import type { Identity } from '../staff.ts'
import { hashOfCode } from './devices.ts'

/** The sign-in of a shared device: it begins with a pairing code, and rotates refresh tokens as people's sign-ins do. */

/** The answer to a device that was paired or refreshed. */
export interface DeviceSignedIn {
  readonly accessToken: string
  readonly expiresInSeconds: number
  readonly refreshToken: string
  readonly deviceId: string
  readonly restaurantId: string
  readonly name: string
  readonly checksPinsOffline: boolean
}

interface Row {
  readonly name: string
  readonly checksPinsOffline: boolean
}

const findByCode = statement(
  'find-device-by-code',
  `select restaurant_id as "restaurantId", id from devices where code_hash = $1`,
)

const pairOne = statement(
  'pair-device',
  `update devices d set code_hash = null, paired_at = $4, seen_at = $4, expires_at = $5, token_hash = $6, updated_at = $4
   from restaurants r
   where d.restaurant_id = $1 and d.id = $2 and d.code_hash = $3 and d.code_expires_at > $4
     and r.restaurant_id = d.restaurant_id and r.is_active
   returning d.name, d.checks_pins_offline as "checksPinsOffline"`,
)

/**
 * Redeems a pairing code. Throws `AppError` wrong-code (401), also for one that is used, revoked or too old;
 * too-many-attempts (429), busy (503). Spec: A20.
 */
export async function pairDevice(deps: SignInDeps, code: string, { address }: Origin): Promise<DeviceSignedIn> {
  const { attempts, clock, db, tokens } = deps
  const network = networkOf(address)
  const counted = [addressKey(network)]
  const hash = hashOfCode(code)
  const wrong = new AppError('wrong-code', 401, 'This code pairs no device: ask a manager for a new one')
  return attempts.crowd.run({ who: `pairing ${network}`, network, isKnown: false }, async () => {
    await attempts.look(counted)
    return attempts.run(counted, async () => {
      const scope = { pairing: hash.toString('hex') }
      const [found] = await db.read<{ restaurantId: string; id: string }>(scope, findByCode, [hash])
      if (!found) throw wrong
      const { restaurantId, id } = found
      const now = clock.now()
      const token = makeRefreshToken(tokens, restaurantId, id)
      const row = await db.transaction({ restaurantId }, (tx) =>
        tx.maybe<Row>(pairOne, [restaurantId, id, hash, now, expiryOf(deps, now), token.hash]),
      )
      if (!row) throw wrong
      return answer(deps, { deviceId: id, restaurantId, ...row }, token.text, now)
    })
  })
}

const lockTokens = statement(
  'lock-device-tokens',
  `select d.name, d.checks_pins_offline as "checksPinsOffline", d.expires_at as "expiresAt",
     d.revoked_at is not null as "isRevoked", r.is_active as "restaurantIsActive", d.token_hash as "tokenHash",
     d.previous_hash as "previousHash", d.previous_repeats as "previousRepeats"
   from devices d join restaurants r on r.restaurant_id = d.restaurant_id
   where d.restaurant_id = $1 and d.id = $2 and d.token_hash is not null for update of d`,
)

const updateTokens = statement(
  'update-device-tokens',
  `update devices set token_hash = $3, previous_hash = $4, previous_repeats = $5, seen_at = $6, expires_at = $7
   where restaurant_id = $1 and id = $2`,
)

const endReused = statement(
  'end-reused-device',
  `update devices set revoked_at = $3, updated_at = $3 where restaurant_id = $1 and id = $2`,
)

interface Tokens extends Row {
  readonly expiresAt: Instant
  readonly isRevoked: boolean
  readonly restaurantIsActive: boolean
  readonly tokenHash: Buffer
  readonly previousHash: Buffer | null
  readonly previousRepeats: number
}

/** Renews a device's tokens by the rules of A6. Throws `AppError` refresh-refused (401). Spec: A20. */
export async function refreshDevice(deps: SignInDeps, refreshToken: string): Promise<DeviceSignedIn> {
  const { clock, db, tokens } = deps
  const refused = new AppError('refresh-refused', 401, 'This device is not paired any more')
  const given = readRefreshToken(tokens, refreshToken)
  if (!given) throw refused
  const { restaurantId, signInId: deviceId, hash } = given
  const now = clock.now()
  const next = makeRefreshToken(tokens, restaurantId, deviceId)
  // The end of a device must be committed, so it is not thrown inside the transaction.
  const row = await db.transaction({ restaurantId }, async (tx) => {
    const found = await tx.maybe<Tokens>(lockTokens, [restaurantId, deviceId])
    if (!found || found.isRevoked) return null
    const use = useOf(found, hash)
    if (use === 'again') {
      await tx.all(endReused, [restaurantId, deviceId, now])
      return null
    }
    if (found.expiresAt <= now || !found.restaurantIsActive) return null
    const repeats = use === 'repeat' ? found.previousRepeats + 1 : 0
    await tx.all(updateTokens, [restaurantId, deviceId, next.hash, hash, repeats, now, expiryOf(deps, now)])
    return found
  })
  if (!row) throw refused
  return answer(deps, { deviceId, restaurantId, ...row }, next.text, now)
}

function answer(
  deps: SignInDeps,
  device: Row & { readonly deviceId: string; readonly restaurantId: string },
  refreshToken: string,
  now: Instant,
): DeviceSignedIn {
  const { deviceId, restaurantId, name, checksPinsOffline } = device
  const expiresInSeconds = lifeOf(deps)
  const exp = Math.floor(microsOf(now) / 1e6) + expiresInSeconds
  const accessToken = deps.tokens.sign({ sub: deviceId, dev: restaurantId, exp })
  return { accessToken, expiresInSeconds, refreshToken, deviceId, restaurantId, name, checksPinsOffline }
}

const readDevice = statement(
  'read-device',
  `select d.id as "staffId", '' as email, null as "firstName", null as "lastName", 'host' as role, true as "isActive",
     d.restaurant_id as "restaurantId", r.name as "restaurantName", r.is_active as "restaurantIsActive",
     d.name as "deviceName"
   from devices d join restaurants r on r.restaurant_id = d.restaurant_id
   where d.restaurant_id = $1 and d.id = $2 and d.paired_at is not null and d.revoked_at is null`,
)

/** A device that is paired, as what a token names. It reads as a host does. */
export const findDevice = async (
  db: Db,
  restaurantId: string,
  deviceId: string,
): Promise<(Identity & { readonly deviceName: string }) | undefined> =>
  (await db.read<Identity & { readonly deviceName: string }>({ restaurantId }, readDevice, [restaurantId, deviceId]))[0]

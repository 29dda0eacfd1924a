import { z } from 'zod'
import { idField, sentInstant, textField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { AppError } from '../platform/errors.ts'
import { ROLES } from '../changes/command/command.ts'
import { pairDevice, refreshDevice } from '../staff/devices/device-sign-in.ts'
import { provePin } from '../staff/devices/prove-pin.ts'
import { pinField } from '../staff/set-pin.ts'
import { nativeRoute, type NativeRoute } from './route.ts'

/** Signing in of shared devices, and of people on them, as docs/protocol.md describes it. */

const deviceSignedIn = z
  .object({
    accessToken: z.string(),
    expiresInSeconds: z.int(),
    refreshToken: z.string(),
    deviceId: idField,
    restaurantId: idField,
    name: z.string(),
    checksPinsOffline: z.boolean(),
  })
  .meta({ id: 'DeviceSignedIn' })

const pair = nativeRoute({
  name: 'pair-device',
  summary: 'Sign in as a shared device, by the code that a manager got with add-device',
  method: 'POST',
  path: '/v2/pair-device',
  access: 'public',
  input: z.strictObject({ code: textField(limits.pairingCodeCharacters).min(1) }),
  answer: deviceSignedIn,
  refusals: [401, 429],
  handle: ({ deps, input: { code }, origin }) => pairDevice(deps, code, origin()),
})

const refreshOfDevice = nativeRoute({
  name: 'refresh-device',
  summary: "Renew both tokens of a shared device, by the rules of people's",
  method: 'POST',
  path: '/v2/refresh-device',
  access: 'public',
  input: z.strictObject({ refreshToken: textField(limits.refreshTokenCharacters).min(1) }),
  answer: deviceSignedIn,
  refusals: [401],
  handle: ({ deps, input }) => refreshDevice(deps, input.refreshToken),
})

const provePinOnDevice = nativeRoute({
  name: 'prove-pin',
  summary: 'Check a PIN on a shared device: the grant lets the device act for that person, sent as the header x-person',
  method: 'POST',
  path: '/v2/prove-pin',
  access: 'public',
  input: z.strictObject({
    /** The access token of the device. */
    accessToken: textField(limits.accessTokenCharacters).min(1),
    staffId: idField,
    pin: pinField,
  }),
  answer: z.object({
    staffId: idField,
    role: z.enum(ROLES),
    grant: z.string(),
    expiresAt: sentInstant,
    mayCheckOffline: z.boolean(),
  }),
  refusals: [401, 403, 409, 429],
  async handle({ deps, input: { accessToken, staffId, pin } }) {
    const { admitted } = await deps.identities.admit(accessToken, 'own', 'devices')
    if (admitted === null || admitted.deviceName === null)
      throw new AppError('not-signed-in', 401, 'This is no access token of a shared device')
    return provePin(deps, { restaurantId: admitted.restaurantId, deviceId: admitted.staffId }, staffId, pin)
  },
})

/** All of them. */
export const deviceRoutes: readonly NativeRoute[] = [pair, refreshOfDevice, provePinOnDevice]

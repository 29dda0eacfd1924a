import { z } from 'zod'
import { AppError, assert } from '../../platform/errors.ts'
import { sentInstant } from '../../platform/fields.ts'
import { limits } from '../../platform/limits.ts'
import { plusMillis } from '../../platform/clock.ts'
import { command } from '../../changes/command/command.ts'
import {
  countDevices,
  deviceNameField,
  deviceSchema,
  hashOfCode,
  makeCode,
  storeDevice,
  type Device,
} from './devices.ts'

/**
 * Adds a shared device and makes the code that pairs it, once, within `limits.pairingMillis`. Throws `AppError`
 * too-many-devices (409). Spec: A20.
 */
export const addDevice = command({
  name: 'add-device',
  summary: 'Add a shared device: the answer has the code that pairs it, for ten minutes',
  method: 'POST',
  path: '/devices',
  role: 'manager',
  inBatch: false,
  budget: [6, 3],
  input: z.strictObject({
    name: deviceNameField,
    checksPinsOffline: z.boolean().default(false).meta({ description: 'Whether it may check PINs without a network' }),
  }),
  answer: z.object({ device: deviceSchema, code: z.string(), codeExpiresAt: sentInstant }),
  async run(w, made): Promise<{ device: Device; code: string; codeExpiresAt: string }> {
    if ((await countDevices(w, plusMillis(w.now, -limits.revokedDeviceMillis))) >= limits.devicesPerRestaurant)
      throw new AppError('too-many-devices', 409, `A restaurant may have ${limits.devicesPerRestaurant} devices`)
    const { staffId } = w.actor
    assert(staffId !== null, 'a manager is staff')
    const code = makeCode()
    const codeExpiresAt = plusMillis(w.now, limits.pairingMillis)
    const stored = { id: w.newId(), addedBy: staffId, codeHash: hashOfCode(code), codeExpiresAt, ...made }
    return { device: await storeDevice(w, stored), code, codeExpiresAt }
  },
})

import { z } from 'zod'
import { idField } from '../../platform/fields.ts'
import { command } from '../../changes/command/command.ts'
import { deviceSchema, endDevice, lockDevice, type Device } from './devices.ts'

/**
 * Ends a shared device's sign-in for good, with its tokens, sockets and what people proved on it. Revoking it twice is
 * no error. Throws `AppError` device-not-found (404). Spec: A21.
 */
export const revokeDevice = command({
  name: 'revoke-device',
  summary: 'Revoke a shared device: it is signed out, and what people proved on it counts no more',
  method: 'DELETE',
  path: '/devices/:deviceId',
  role: 'manager',
  inBatch: false,
  budget: [5, 3],
  input: z.strictObject({ deviceId: idField }),
  answer: deviceSchema,
  async run(w, { deviceId }): Promise<Device> {
    const device = await lockDevice(w, deviceId)
    return device.revokedAt === null ? endDevice(w, deviceId) : device
  },
})

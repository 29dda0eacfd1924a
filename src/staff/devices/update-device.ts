import { z } from 'zod'
import { idField } from '../../platform/fields.ts'
import { command } from '../../changes/command/command.ts'
import { deviceNameField, deviceSchema, lockDevice, saveDevice, type Device } from './devices.ts'

/** Renames a shared device, or says whether it may check PINs offline. Throws `AppError` device-not-found (404). Spec: A20. */
export const updateDevice = command({
  name: 'update-device',
  summary: 'Rename a shared device, or change whether it may check PINs without a network',
  method: 'PATCH',
  path: '/devices/:deviceId',
  role: 'manager',
  inBatch: false,
  budget: [5, 3],
  input: z.strictObject({
    deviceId: idField,
    name: deviceNameField.optional(),
    checksPinsOffline: z.boolean().optional(),
  }),
  answer: deviceSchema,
  async run(w, { deviceId, name, checksPinsOffline }): Promise<Device> {
    const device = await lockDevice(w, deviceId)
    const changed = {
      ...device,
      name: name ?? device.name,
      checksPinsOffline: checksPinsOffline ?? device.checksPinsOffline,
    }
    return saveDevice(w, changed)
  },
})

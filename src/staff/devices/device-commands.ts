import { addDevice } from './add-device.ts'
import { revokeDevice } from './revoke-device.ts'
import { updateDevice } from './update-device.ts'

/** Every command of shared devices. */
export const deviceCommands = [addDevice, updateDevice, revokeDevice] as const

import { z } from 'zod'
import { query } from '../../changes/query.ts'
import { deviceSchema, readDevices, type Device } from './devices.ts'

/** All shared devices; revoked ones last. Spec: A20. */
export const listDevices = query({
  name: 'list-devices',
  summary: 'All shared devices; revoked ones come last',
  path: '/devices',
  role: 'manager',
  budget: [5, 2],
  input: z.strictObject({}),
  answer: z.array(deviceSchema),
  run: (r): Promise<Device[]> => readDevices(r.tx, r.restaurantId),
})

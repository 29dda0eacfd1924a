import { z } from 'zod'
import { query } from '../changes/query.ts'
import { readSettings, settingsSchema, type Settings } from './settings.ts'

/** The settings of the restaurant. Spec: Z1. */
export const getSettings = query({
  name: 'get-settings',
  summary: 'The settings of the restaurant',
  path: '/settings',
  role: 'host',
  budget: [5, 2],
  followsLog: true,
  input: z.strictObject({}),
  answer: settingsSchema,
  run: (r): Promise<Settings> => readSettings(r.tx, r.restaurantId),
})

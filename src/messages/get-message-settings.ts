import { z } from 'zod'
import { query } from '../changes/query.ts'
import { messageSettingsSchema, readMessageSettings, withoutSecrets, type MessageSettings } from './message-settings.ts'

/** What is set for messages to guests. The webhook's secret has a query of its own. */
export const getMessageSettings = query({
  name: 'get-message-settings',
  summary: 'Limit and webhook of messages to guests',
  path: '/message-settings',
  role: 'manager',
  budget: [5, 2],
  input: z.strictObject({}),
  answer: messageSettingsSchema,
  run: async (r): Promise<MessageSettings> => withoutSecrets(await readMessageSettings(r.tx, r.restaurantId)),
})

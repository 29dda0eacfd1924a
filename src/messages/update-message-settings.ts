import { z } from 'zod'
import { command } from '../changes/command/command.ts'
import {
  messageSettingsSchema,
  newWebhookSecret,
  readMessageSettings,
  settingsFields,
  storeMessageSettings,
  withoutSecrets,
  type MessageSettings,
} from './message-settings.ts'

/**
 * Changes what is set for messages to guests; what is not sent stays. The first webhook gets a secret. With
 * `renewSecret` it gets another one; for a day messages are signed with both. Devices are told of none of it. Spec: X6.
 */
export const updateMessageSettings = command({
  name: 'update-message-settings',
  summary: 'Change limit and webhook of messages to guests',
  method: 'PATCH',
  path: '/message-settings',
  role: 'manager',
  inBatch: false,
  budget: [5, 2],
  input: z.strictObject({ ...z.object(settingsFields).partial().shape, renewSecret: z.boolean().optional() }),
  answer: messageSettingsSchema,
  async run(w, { renewSecret = false, ...given }): Promise<MessageSettings> {
    const before = await readMessageSettings(w.tx, w.restaurantId)
    const sent = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
    const after = { ...before, ...sent }
    const isFirst = after.webhookUrl !== null && before.webhookSecret === null
    const secrets = {
      webhookSecret: newWebhookSecret(),
      webhookOldSecret: before.webhookSecret,
      webhookSecretAt: w.now,
    }
    storeMessageSettings(w.tx, w.restaurantId, renewSecret || isFirst ? { ...after, ...secrets } : after, w.now)
    return withoutSecrets(after)
  },
})

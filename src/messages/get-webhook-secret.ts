import { z } from 'zod'
import { query } from '../changes/query.ts'
import { readMessageSettings } from './message-settings.ts'

/** With what the restaurant's own system verifies a webhook. Only owners see it. Spec: X6. */
export const getWebhookSecret = query({
  name: 'get-webhook-secret',
  summary: 'The secret that verifies webhooks (Standard Webhooks)',
  path: '/message-settings/webhook-secret',
  role: 'owner',
  budget: [5, 2],
  input: z.strictObject({}),
  answer: z.object({ secret: z.string().nullable() }),
  run: async (r): Promise<{ secret: string | null }> => ({
    secret: (await readMessageSettings(r.tx, r.restaurantId)).webhookSecret,
  }),
})

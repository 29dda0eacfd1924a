import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { statement, type Tx } from '../platform/database/db.ts'
import type { Instant } from '../platform/clock.ts'
import { intField } from '../platform/fields.ts'

/** What a restaurant sets for its messages alone. Language, time zone and quiet hours are those of its settings. */

/** A webhook's address. Where it leads is checked when something is sent. */
const webhookField = z
  .string()
  .max(2_000)
  .regex(/^https?:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?(?:\/[!-~]*)?$/, 'must be a web address without a user name')

export const settingsFields = {
  hourlyLimit: intField(0, 10_000).meta({ description: 'Messages of one channel to guests in an hour' }),
  webhookUrl: webhookField.nullable().meta({ description: "Where the restaurant's own system receives messages" }),
}

export const messageSettingsSchema = z.object(settingsFields).meta({ id: 'MessageSettings' })
export type MessageSettings = z.output<typeof messageSettingsSchema>

/** With what signs the webhook: the secret, and the one before while it counts. */
export interface WebhookSecrets {
  readonly webhookSecret: string | null
  readonly webhookOldSecret: string | null
  readonly webhookSecretAt: Instant | null
}

/** What counts until a restaurant has set something. */
export const DEFAULTS: MessageSettings & WebhookSecrets = {
  hourlyLimit: 200,
  webhookUrl: null,
  webhookSecret: null,
  webhookOldSecret: null,
  webhookSecretAt: null,
}

const readSettings = statement(
  'read-message-settings',
  `select hourly_limit as "hourlyLimit", webhook_url as "webhookUrl", webhook_secret as "webhookSecret",
     webhook_old_secret as "webhookOldSecret", webhook_secret_at as "webhookSecretAt"
   from message_settings where restaurant_id = $1`,
)

const saveSettings = statement(
  'save-message-settings',
  `insert into message_settings (restaurant_id, hourly_limit, webhook_url, webhook_secret, webhook_old_secret,
     webhook_secret_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7)
   on conflict (restaurant_id) do update set hourly_limit = excluded.hourly_limit, webhook_url = excluded.webhook_url,
     webhook_secret = excluded.webhook_secret, webhook_old_secret = excluded.webhook_old_secret,
     webhook_secret_at = excluded.webhook_secret_at, updated_at = excluded.updated_at`,
)

/** The settings of a restaurant, with the webhook's secrets. */
export const readMessageSettings = async (tx: Tx, restaurantId: string): Promise<MessageSettings & WebhookSecrets> =>
  (await tx.maybe<MessageSettings & WebhookSecrets>(readSettings, [restaurantId])) ?? DEFAULTS

/** Stores them; the statement travels with the commit. */
export function storeMessageSettings(
  tx: Tx,
  restaurantId: string,
  settings: MessageSettings & WebhookSecrets,
  now: Instant,
): void {
  const { hourlyLimit, webhookUrl } = settings
  const { webhookSecret, webhookOldSecret, webhookSecretAt } = settings
  const secrets = [webhookSecret, webhookOldSecret, webhookSecretAt]
  tx.send(saveSettings, [restaurantId, hourlyLimit, webhookUrl, ...secrets, now])
}

/** What others may see. */
export const withoutSecrets = (settings: MessageSettings): MessageSettings => messageSettingsSchema.parse(settings)

/** A secret in the form of Standard Webhooks. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { statement, type Tx } from '../platform/database/db.ts'
import type { Instant } from '../platform/clock.ts'
import { intField } from '../platform/fields.ts'
import { LANGUAGES } from './templates.ts'

/** What a restaurant sets for its messages. Its time zone is the restaurant's. */

const timeField = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day, like 22:00')

/** A webhook's address. Where it leads is checked when something is sent. */
const webhookField = z
  .string()
  .max(2_000)
  .regex(/^https?:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?(?:\/[!-~]*)?$/, 'must be a web address without a user name')

export const settingsFields = {
  language: z.enum(LANGUAGES),
  quietFrom: timeField.meta({ description: 'When quiet hours begin, by the clock of the restaurant' }),
  quietUntil: timeField.meta({ description: 'When they end; the same time: there are none' }),
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
  language: 'en',
  quietFrom: '22:00',
  quietUntil: '08:00',
  hourlyLimit: 200,
  webhookUrl: null,
  webhookSecret: null,
  webhookOldSecret: null,
  webhookSecretAt: null,
}

const readSettings = statement(
  'read-message-settings',
  `select language, quiet_from as "quietFrom", quiet_until as "quietUntil", hourly_limit as "hourlyLimit",
     webhook_url as "webhookUrl", webhook_secret as "webhookSecret", webhook_old_secret as "webhookOldSecret",
     webhook_secret_at as "webhookSecretAt"
   from message_settings where restaurant_id = $1`,
)

const saveSettings = statement(
  'save-message-settings',
  `insert into message_settings (restaurant_id, language, quiet_from, quiet_until, hourly_limit, webhook_url, webhook_secret,
     webhook_old_secret, webhook_secret_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
   on conflict (restaurant_id) do update set language = excluded.language, quiet_from = excluded.quiet_from,
     quiet_until = excluded.quiet_until, hourly_limit = excluded.hourly_limit, webhook_url = excluded.webhook_url,
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
  const { language, quietFrom, quietUntil, hourlyLimit, webhookUrl } = settings
  const { webhookSecret, webhookOldSecret, webhookSecretAt } = settings
  const secrets = [webhookSecret, webhookOldSecret, webhookSecretAt]
  tx.send(saveSettings, [restaurantId, language, quietFrom, quietUntil, hourlyLimit, webhookUrl, ...secrets, now])
}

/** What others may see. */
export const withoutSecrets = (settings: MessageSettings): MessageSettings => messageSettingsSchema.parse(settings)

/** A secret in the form of Standard Webhooks. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

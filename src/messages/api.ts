import { getMessageSettings } from './get-message-settings.ts'
import { getWebhookSecret } from './get-webhook-secret.ts'
import { listMessageTemplates } from './list-message-templates.ts'
import { listUndelivered } from './list-undelivered-messages.ts'
import { retryMessage } from './retry-message.ts'
import { setMessageTemplate } from './set-message-template.ts'
import { updateMessageSettings } from './update-message-settings.ts'

/** Commands and queries about messages. Those that need a guest are in `src/guests/`. */

export const messageCommands = [updateMessageSettings, setMessageTemplate, retryMessage] as const

export const messageQueries = [listUndelivered, getMessageSettings, getWebhookSecret, listMessageTemplates] as const

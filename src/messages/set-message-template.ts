import { z } from 'zod'
import { statement } from '../platform/database/db.ts'
import { textField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { LANGUAGES, TEMPLATES, unknownPlaces, WORDS } from './templates.ts'
import { wordsSchema, type OwnWords } from './list-message-templates.ts'

const saveTemplate = statement(
  'save-message-template',
  `insert into message_templates (restaurant_id, template, language, subject, body, updated_at) values ($1, $2, $3, $4, $5, $6)
   on conflict (restaurant_id, template, language) do update set subject = excluded.subject, body = excluded.body,
     updated_at = excluded.updated_at`,
)

const deleteTemplate = statement(
  'delete-message-template',
  `delete from message_templates where restaurant_id = $1 and template = $2 and language = $3`,
)

const wordsField = (max: number) =>
  textField(max)
    .min(1)
    .refine((text) => unknownPlaces(text).length === 0, {
      error: 'names in double braces are restaurant, name, party, minutes, time, link',
    })

/**
 * Gives a template the restaurant's own words in one language, or the usual ones again. Devices are told of none of it.
 * Spec: X8.
 */
export const setMessageTemplate = command({
  name: 'set-message-template',
  summary: "Set the restaurant's own words of a message, or take them back",
  method: 'POST',
  path: '/message-templates',
  role: 'manager',
  inBatch: false,
  budget: [4, 1],
  input: z.strictObject({
    template: z.enum(TEMPLATES),
    language: z.enum(LANGUAGES),
    words: z
      .strictObject({ subject: wordsField(200), body: wordsField(1_000) })
      .nullable()
      .meta({ description: 'null: the usual words' }),
  }),
  answer: wordsSchema,
  async run(w, { template, language, words }): Promise<OwnWords> {
    if (words === null) w.tx.send(deleteTemplate, [w.restaurantId, template, language])
    else w.tx.send(saveTemplate, [w.restaurantId, template, language, words.subject, words.body, w.now])
    return { template, language, isOwn: words !== null, ...(words ?? WORDS[language][template]) }
  },
})

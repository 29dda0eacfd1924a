import { z } from 'zod'
import { statement } from '../platform/database/db.ts'
import { query } from '../changes/query.ts'
import { LANGUAGES, TEMPLATES, WORDS, type Language, type Template } from './templates.ts'

/** The words of a template in one language. */
export const wordsSchema = z
  .object({
    template: z.enum(TEMPLATES),
    language: z.enum(LANGUAGES),
    subject: z.string(),
    body: z.string(),
    /** Whether they are the restaurant's own. */
    isOwn: z.boolean(),
  })
  .meta({ id: 'MessageWords' })
export type OwnWords = z.output<typeof wordsSchema>

const listTemplates = statement(
  'message-templates',
  `select template, language, subject, body from message_templates where restaurant_id = $1`,
)

/** The words of every template in every language: the restaurant's own, or the usual ones. Spec: X8. */
export const listMessageTemplates = query({
  name: 'list-message-templates',
  summary: 'The words of all messages to guests',
  path: '/message-templates',
  role: 'host',
  budget: [5, 2],
  input: z.strictObject({}),
  answer: z.array(wordsSchema),
  async run(r): Promise<OwnWords[]> {
    const rows = await r.tx.all<Omit<OwnWords, 'isOwn'>>(listTemplates, [r.restaurantId])
    const own = (template: Template, language: Language) =>
      rows.find((row) => row.template === template && row.language === language)
    return TEMPLATES.flatMap((template) =>
      LANGUAGES.map((language) => {
        const words = own(template, language)
        return { template, language, isOwn: words !== undefined, ...(words ?? WORDS[language][template]) }
      }),
    )
  },
})

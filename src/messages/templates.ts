import { z } from 'zod'
import { textField } from '../platform/fields.ts'

/** The words of messages, and how they are filled. A restaurant may have words of its own for each. */

export const LANGUAGES = ['en', 'de'] as const
export type Language = (typeof LANGUAGES)[number]

export const TEMPLATES = [
  'table-ready',
  'almost-ready',
  'waitlist-joined',
  'reservation-confirmed',
  'reservation-reminder',
] as const
export type Template = (typeof TEMPLATES)[number]

/** What a guest waits for now is sent at any hour. */
export const URGENT: readonly Template[] = ['table-ready', 'almost-ready', 'waitlist-joined']

/** A subject, for e-mail and push, and a text. */
export interface Words {
  readonly subject: string
  readonly body: string
}

const value = textField(200)

/** What words are filled with. `restaurant` is always there. */
export const variablesSchema = z.strictObject({
  /** How the guest is called. */
  name: value.optional(),
  /** Covers. */
  party: value.optional(),
  /** How long it takes yet. */
  minutes: value.optional(),
  /** A day and a time, as the guest reads it. */
  time: value.optional(),
  /** The guest's own page. It is a key: it is kept until the message is sent, and never shown. */
  link: textField(500)
    .regex(/^https?:\/\/[^\s<>"]+$/, 'must be a web address')
    .optional(),
})
export type Variables = z.output<typeof variablesSchema>

const NAMES = ['restaurant', 'name', 'party', 'minutes', 'time', 'link'] as const

/** The words that every restaurant begins with. */
export const WORDS: Readonly<Record<Language, Readonly<Record<Template, Words>>>> = {
  en: {
    'table-ready': {
      subject: 'Your table is ready',
      body: '[{{name}}, ]your table at {{restaurant}} is ready. Please come to the host stand. Reply 1 if you are coming, 9 to cancel.[ {{link}}]',
    },
    'almost-ready': {
      subject: 'Your table is almost ready',
      body: '[{{name}}, ]your table at {{restaurant}} will be ready[ in about {{minutes}} minutes]. Reply 1 if you are coming, 9 to cancel.[ {{link}}]',
    },
    'waitlist-joined': {
      subject: 'You are on the waitlist',
      body: '[{{name}}, ]you are on the waitlist of {{restaurant}}[ for {{party}}].[ The wait is about {{minutes}} minutes.] Reply 9 to cancel.[ {{link}}]',
    },
    'reservation-confirmed': {
      subject: 'Your reservation',
      body: '[{{name}}, ]your table at {{restaurant}}[ for {{party}}] is reserved[: {{time}}].[ {{link}}]',
    },
    'reservation-reminder': {
      subject: 'See you soon',
      body: '[{{name}}, ]we expect you at {{restaurant}}[: {{time}}]. Reply 1 if you are coming, 9 to cancel.[ {{link}}]',
    },
  },
  de: {
    'table-ready': {
      subject: 'Ihr Tisch ist frei',
      body: '[{{name}}, ]Ihr Tisch im {{restaurant}} ist bereit. Bitte kommen Sie zum Empfang. Antworten Sie 1, wenn Sie kommen, 9 zum Absagen.[ {{link}}]',
    },
    'almost-ready': {
      subject: 'Ihr Tisch ist gleich frei',
      body: '[{{name}}, ]Ihr Tisch im {{restaurant}} ist bald bereit[, in etwa {{minutes}} Minuten]. Antworten Sie 1, wenn Sie kommen, 9 zum Absagen.[ {{link}}]',
    },
    'waitlist-joined': {
      subject: 'Sie stehen auf der Warteliste',
      body: '[{{name}}, ]Sie stehen auf der Warteliste im {{restaurant}}[ für {{party}} Personen].[ Die Wartezeit ist etwa {{minutes}} Minuten.] Antworten Sie 9 zum Absagen.[ {{link}}]',
    },
    'reservation-confirmed': {
      subject: 'Ihre Reservierung',
      body: '[{{name}}, ]Ihr Tisch im {{restaurant}}[ für {{party}} Personen] ist reserviert[: {{time}}].[ {{link}}]',
    },
    'reservation-reminder': {
      subject: 'Bis bald',
      body: '[{{name}}, ]wir erwarten Sie im {{restaurant}}[: {{time}}]. Antworten Sie 1, wenn Sie kommen, 9 zum Absagen.[ {{link}}]',
    },
  },
}

const PLACE = /\{\{(\w*)\}\}/g

/** The names in double braces that no message has a value for. */
export const unknownPlaces = (text: string): string[] =>
  [...text.matchAll(PLACE)].map(([, name]) => name!).filter((name) => !(NAMES as readonly string[]).includes(name))

/**
 * Fills words: `{{name}}` is the value, and what stands in square brackets is left out when a value in it is missing.
 * Values are one line each, so that nobody writes another message into this one.
 */
export function filled({ subject, body }: Words, values: Variables & { readonly restaurant: string }): Words {
  const of = (name: string) => oneLine((values as Readonly<Record<string, string | undefined>>)[name] ?? '')
  const fill = (text: string): string =>
    text
      .replace(/\[([^[\]]*)\]/g, (_, part: string) =>
        [...part.matchAll(PLACE)].every(([, name]) => of(name!) !== '') ? part : '',
      )
      .replace(PLACE, (_, name: string) => of(name))
  const upperFirst = (text: string) => text.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase())
  return { subject: oneLine(fill(subject)), body: upperFirst(fill(body)) }
}

/** Text without line ends and other control characters. */
export const oneLine = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Plain text as HTML: nothing in it is markup. */
export const asHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ENTITIES[character]!).replace(/\n/g, '<br>\n')

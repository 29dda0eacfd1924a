import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asHtml, filled, LANGUAGES, TEMPLATES, unknownPlaces, WORDS } from './templates.ts'

const words = (body: string, subject = '') => ({ subject, body })

test('X8: values stand where their names do, and parts without their value are left out', () => {
  const of = (body: string, values: object) => filled(words(body), { restaurant: 'Cedar', ...values }).body
  expect(of('[{{name}}, ]your table at {{restaurant}}.[ {{link}}]', { name: 'Ada' })).toBe('Ada, your table at Cedar.')
  expect(of('[{{name}}, ]your table at {{restaurant}}.', {})).toBe('Your table at Cedar.')
  expect(of('In {{minutes}} minutes', {})).toBe('In  minutes')
  expect(unknownPlaces('{{name}} {{restaurant}} {{nmae}} {{}}')).toEqual(['nmae', ''])
})

test('X8: every template has words in every language, which use nothing unknown and are complete without any value', () => {
  for (const language of LANGUAGES)
    for (const template of TEMPLATES) {
      const usual = WORDS[language][template]
      expect(unknownPlaces(usual.subject + usual.body)).toEqual([])
      const bare = filled(usual, { restaurant: 'Cedar' })
      expect(`${bare.subject} ${bare.body}`).not.toMatch(/[{}[\]]| {2}|undefined/)
      expect(bare.body).toContain('Cedar')
    }
})

test('X8: no value adds a line, a place or markup', () => {
  const seed = Date.now() % 1_000_000
  console.log(`seed ${seed}`)
  const any = fc.oneof(fc.string(), fc.constantFrom('{{link}}', '[x]', '<b>&"', 'a\r\nBcc: x', ' \t', '{{name}}'))
  fc.assert(
    fc.property(any, any, (name, party) => {
      const { subject, body } = filled(words('[{{name}}|]{{party}}', '{{name}}'), { restaurant: 'Cedar', name, party })
      expect(`${subject}${body}`).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u)
      expect(body.toLowerCase()).toContain(
        name
          .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
          .replace(/ {2,}/g, ' ')
          .trim()
          .toLowerCase(),
      )
      expect(asHtml(body)).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/)
    }),
    { seed },
  )
})

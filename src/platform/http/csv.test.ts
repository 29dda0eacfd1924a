import fc from 'fast-check'
import { expect, test } from 'vitest'
import { csvOf } from './csv.ts'

test('Y2: CSV has a header, CRLF, doubled quotes, plain numbers and empty cells for null', () => {
  const rows = [
    { name: 'Booth, "round"', minutes: -1.5, isOpen: true, note: null },
    { name: 'a\r\nb', minutes: 0, isOpen: false, note: '' },
  ]
  expect(csvOf(['name', 'minutes', 'isOpen', 'note'], rows)).toBe(
    'name,minutes,isOpen,note\r\n"Booth, ""round""",-1.5,true,\r\n"a\r\nb",0,false,\r\n',
  )
  expect(csvOf(['name'], [])).toBe('name\r\n')
})

test('Y2: a spreadsheet takes no text of CSV for a formula', () => {
  const cells = ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', '＝1', '1=1']
  const text = csvOf(
    ['of'],
    cells.map((of) => ({ of })),
  )
  expect(readCsv(text).slice(1).flat()).toEqual([...cells.slice(0, -1).map((each) => `'${each}`), '1=1'])
})

test('Y2: whatever a text is, a reader of CSV reads it back', () => {
  const value = fc.string({ unit: fc.constantFrom('a', '"', ',', '\r', '\n', ' ', '=', 'é') })
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value), { minLength: 1 }), (rows) => {
      const text = csvOf(
        ['a', 'b'],
        rows.map(([a, b]) => ({ a, b })),
      )
      const safe = (cell: string) => (/^[=\r\n]/.test(cell) ? `'${cell}` : cell)
      expect(readCsv(text).slice(1)).toEqual(rows.map((row) => row.map(safe)))
    }),
    { numRuns: 300 },
  )
})

/** Lines and cells of a CSV text, by the grammar of RFC 4180. */
function readCsv(text: string): string[][] {
  const lines: string[][] = []
  let [line, at]: [string[], number] = [[], 0]
  while (at < text.length) {
    const m = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(text.slice(at))
    if (!m) throw new Error(`no CSV at ${at}: ${text.slice(at)}`)
    line.push(m[1] === undefined ? m[2]! : m[1].replaceAll('""', '"'))
    at += m[0].length
    if (m[3] === ',') continue
    lines.push(line)
    line = []
  }
  return lines
}

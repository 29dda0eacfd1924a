/**
 * A table as CSV by RFC 4180: a header line, CRLF, quotes doubled. Numbers are plain, null is empty, yes and no are `true`
 * and `false`. A text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises.
 */
export function csvOf(columns: readonly string[], rows: readonly Readonly<Record<string, unknown>>[]): string {
  const lines = [columns, ...rows.map((row) => columns.map((name) => row[name]))]
  return lines.map((line) => `${line.map(cellText).join(',')}\r\n`).join('')
}

/** The media type of what `csvOf` gives. */
export const CSV_TYPE = 'text/csv; charset=utf-8; header=present'

const FORMULA = /^[=+\-@＝＋－＠\t\r\n]/

function cellText(value: unknown): string {
  if (typeof value !== 'string') return value === null || value === undefined ? '' : JSON.stringify(value)
  const text = FORMULA.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

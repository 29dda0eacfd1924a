/** Characters without an escape in Python's JSON: printable ASCII but `"` and `\`. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/**
 * JSON text as Python's `json.dumps` writes it: a space after `,` and `:`, everything but printable ASCII escaped.
 * The old server's frames had this form. Undefined properties are left out.
 */
export function pythonJson(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') return Object.is(value, -0) ? '-0.0' : JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members: string[] = []
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) members.push(`${quoted(key)}: ${pythonJson(member)}`)
  }
  return `{${members.join(', ')}}`
}

/** JSON's escapes are Python's, except for non-ASCII characters. Surrogate pairs become two escapes, unit by unit. */
function quoted(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`
  return JSON.stringify(text).replace(
    /[\x7f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

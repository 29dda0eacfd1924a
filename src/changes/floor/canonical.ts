/**
 * Writes a JSON value as RFC 8785 does: keys in the order of their UTF-16 units, no spaces, numbers and strings as
 * ECMAScript writes them. Leaves out members that are undefined. Throws `TypeError` for a value that JSON cannot hold
 * (NaN, infinities, functions). The client imports this file, so that both sides hash the same text.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return scalar(value)
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`
  const fields = value as Record<string, unknown>
  const names = Object.keys(fields).filter((name) => fields[name] !== undefined)
  // Without a comparer sort orders by UTF-16 units, as the standard asks.
  return `{${names
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(fields[name])}`)
    .join(',')}}`
}

function scalar(value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`JSON has no ${value}`)
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`JSON has no ${typeof value}`)
  return text
}

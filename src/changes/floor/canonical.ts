/**
 * A JSON value as the one text that every implementation writes for it (RFC 8785, JSON Canonicalization Scheme): keys in the order of their UTF-16 units,
 * no spaces, numbers as ECMAScript writes them. Fields that are undefined are left out.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const fields = value as Record<string, unknown>
  const names = Object.keys(fields).filter((name) => fields[name] !== undefined)
  // Without a comparer sort orders by UTF-16 units, as the standard asks.
  return `{${names
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(fields[name])}`)
    .join(',')}}`
}

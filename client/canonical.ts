/**
 * A JSON value as RFC 8785 writes it: keys in order of their UTF-16 units, no spaces, numbers and strings as ECMAScript writes them. Members that are
 * undefined are left out. Throws `TypeError` for what JSON has no word for (NaN, infinities, functions).
 */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item ?? null)).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const object = value as Record<string, unknown>
    // The default order of sort() is that of UTF-16 units.
    const members = Object.keys(object)
      .filter((key) => object[key] !== undefined)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonical(object[key])}`)
    return `{${members.join(',')}}`
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`JSON has no ${value}`)
  const text = JSON.stringify(value) as string | undefined
  if (text === undefined) throw new TypeError(`JSON has no ${typeof value}`)
  return text
}

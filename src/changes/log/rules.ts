/**
 * How the shape of entities changes with a release, as data: the log tells it to devices, so that each holder of a floor
 * (server, client, a client in another language) brings what it holds to the new shape by itself.
 */

/** What a release did to the entities of one kind. Its parts are applied in this order. */
export interface Upgrade {
  readonly kind: string
  /** The kind itself is new: the change that carries this upgrade puts every entity of it that exists. */
  readonly isNew?: true
  /** New names of fields, by their old names. */
  readonly rename?: Readonly<Record<string, string>>
  /** Fields that are gone. */
  readonly remove?: readonly string[]
  /** Fields that are new, each with its value in entities that were stored before. */
  readonly add?: Readonly<Record<string, unknown>>
}

/** An entity in its new shape. One that has it already stays as it is: to apply an upgrade twice does no harm. Spec: L22. */
export function upgraded<T extends object>(value: T, { rename = {}, remove = [], add = {} }: Upgrade): T {
  const fields = new Map(Object.entries(value))
  for (const [from, to] of Object.entries(rename)) {
    if (fields.has(from) && !fields.has(to)) fields.set(to, fields.get(from))
    fields.delete(from)
  }
  for (const name of remove) fields.delete(name)
  for (const [name, initial] of Object.entries(add)) if (!fields.has(name)) fields.set(name, initial)
  return Object.fromEntries(fields) as T
}

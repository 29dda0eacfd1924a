import { z } from 'zod'

/** zod's schemas as JSON Schema, for the documents that describe the API. */

export type Json = Record<string, unknown>

/**
 * The JSON Schema of a zod schema. Named schemas go to the document's components. A `read` schema allows more keys
 * than it names; a `sent` one has exactly the keys of its schema.
 */
export function jsonSchema(shape: z.ZodType, schemas: Json, how: 'read' | 'sent'): Json {
  const io = how === 'read' ? 'input' : 'output'
  const made = z.toJSONSchema(shape, { io, unrepresentable: 'any', override: asRead }) as Json
  const { $schema: _, $defs, ...schema } = rewritten(made) as Json
  Object.assign(schemas, $defs)
  const { id } = schema
  if (typeof id !== 'string') return schema
  schemas[id] = withoutId(schema)
  return { $ref: `#/components/schemas/${id}` }
}

/** A coerced query text has the schema of its result, not the schema of what could be coerced. */
function asRead({ zodSchema, jsonSchema }: { zodSchema: z.core.$ZodType; jsonSchema: Json }): void {
  if (!(zodSchema instanceof z.ZodPipe && zodSchema.in instanceof z.ZodNumber && zodSchema.in.def.coerce)) return
  const { $schema: _, ...read } = z.toJSONSchema(zodSchema.out, { io: 'input' })
  Object.assign(jsonSchema, read)
}

/** References point into the document. Ids are removed, because they would change what references mean. */
function rewritten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => rewritten(each))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      if (key === '$ref' && typeof each === 'string') return [key, each.replace('#/$defs/', '#/components/schemas/')]
      if (key === '$defs')
        return [
          key,
          Object.fromEntries(
            Object.entries(each as Json).map(([name, of]) => [name, withoutId(rewritten(of) as Json)]),
          ),
        ]
      return [key, rewritten(each)]
    }),
  )
}

function withoutId(schema: Json): Json {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== 'id'))
}

import { z } from 'zod'
import { AppError, assert } from '../platform/errors.ts'

/** What a door passes on that has checked every value itself. A field with a default may be left out. */
export type Given<Input extends z.ZodObject> = {
  readonly [K in keyof z.input<Input>]:
    | (K extends keyof z.output<Input> ? z.output<Input>[K] : never)
    // What may be left out may be undefined as well.
    | ({} extends Pick<z.input<Input>, K> ? undefined : never)
}

/**
 * The input as its schema gives it: each field in the schema's order and defaults filled in. So one request has one
 * fingerprint, whichever door it came through. Values are not looked at again: the types vouch for them.
 */
export function completed<Input extends z.ZodObject>({ shape }: Input, given: Given<Input>): z.output<Input> {
  const values = given as Readonly<Record<string, unknown>>
  for (const name in values) assert(Object.hasOwn(shape, name), `no field is called ${name}`)
  const input: Record<string, unknown> = {}
  // Every field is there, undefined or not: so all inputs of a command have one hidden class.
  for (const name in shape) {
    const field = shape[name]
    const value = values[name]
    input[name] = value === undefined && field instanceof z.ZodDefault ? field.def.defaultValue : value
  }
  return input as z.output<Input>
}

/** The input of a command or query, read by its schema. Throws `AppError` invalid-input (422) with every problem there is. */
export function inputOf<Input extends z.ZodType>(
  { name, input }: { readonly name: string; readonly input: Input },
  raw: unknown,
): z.output<Input> {
  const parsed = input.safeParse(raw)
  if (parsed.success) return parsed.data
  throw new AppError('invalid-input', 422, `The input of ${name} has problems`, {
    problems: parsed.error.issues.flatMap(problemsOf),
  })
}

/** An issue as it is told: fields that nobody knows each by name, so that whoever mistyped one finds it. */
function problemsOf(issue: z.core.$ZodIssue): { path: string[]; message: string }[] {
  const path = issue.path.map(String)
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }]
  return issue.keys.map((key) => ({ path: [...path, key], message: 'there is no such field' }))
}

import type { z } from 'zod'
import { AppError } from '../platform/errors.ts'

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

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
    problems: parsed.error.issues.map((issue) => ({ path: issue.path.map(String), message: issue.message })),
  })
}

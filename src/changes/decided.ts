import { AppError } from '../platform/errors.ts'
import type { Refusal } from './rules.ts'

/** What was decided. Throws the refusal as an `AppError`. */
export function decided<T extends object>(decision: Refusal | T): T {
  if ('code' in decision) throw refused(decision)
  return decision
}

/** A refusal of the rules as the error that doors answer with. */
export const refused = ({ code, status, message, details }: Refusal): AppError =>
  new AppError(code, status, message, details)

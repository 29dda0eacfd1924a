import { choice, fact, flag, nullable, text } from '../platform/field.ts'
import { ROLES } from '../changes/command/command.ts'

/** A member of staff as devices see one: no e-mail, no hash. `hasPin`: whether a PIN is set. */
export const staffFields = {
  firstName: fact(nullable(text(100)), null),
  lastName: fact(nullable(text(100)), null),
  role: choice(ROLES),
  isActive: flag(),
  hasPin: flag(),
}

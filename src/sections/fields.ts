import { z } from 'zod'
import { fact, flag, id, instant, nullable, shape, text } from '../platform/field.ts'
import { idField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'

/** A server: somebody who serves, with an account or without. */
export const serverFields = {
  name: fact(text(100)),
  /** The account, if there is one. */
  staffId: fact(nullable(id()), null),
  /** Since when the rotation counts the server: the first open section, or the return from a cut. Null: not in it. */
  joinedAt: nullable(instant()),
  /** When the server was cut: the open parties stay, nobody new comes. */
  cutAt: nullable(instant()),
  /** When the server was passed over last, and why. */
  skippedAt: nullable(instant()),
  skipReason: nullable(text(limits.reasonCharacters)),
}

/** A section: tables that one server looks after. Its tables name it. */
export const sectionFields = {
  name: fact(text(100)),
  /** As the screen paints it, such as #b3541e. */
  colour: fact(nullable(text(20)), null),
  /** The server on duty. */
  serverId: nullable(id()),
  isOpen: flag(),
}

const planned = z.strictObject({
  sectionId: idField,
  serverId: idField.nullable(),
  tableIds: z.array(idField).max(limits.tablesPerSection).default([]),
})

/** A saved section plan: which sections are open, with which server and tables. */
export const planFields = {
  name: fact(text(60)),
  /** The service period that it is for, by name; null: any. */
  period: fact(nullable(text(limits.periodNameCharacters)), null),
  sections: fact(shape(z.array(planned).max(limits.sectionsPerRestaurant)), []),
}

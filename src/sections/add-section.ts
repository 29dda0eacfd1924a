import { z } from 'zod'
import { idField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { freshId } from '../changes/command/fresh-id.ts'
import { newEntity } from '../changes/rules.ts'
import { NEW_SECTION } from './rules.ts'
import { sectionEntity, sectionRows, type Section } from './sections.ts'

/** A section, open, without a server and without tables. Spec: Y12. */
export const addSection = command({
  name: 'add-section',
  summary: 'Add a section, open, without a server and without tables',
  method: 'POST',
  path: '/sections',
  role: 'manager',
  inBatch: true,
  budget: [6, 3],
  input: z.strictObject({ id: idField.optional(), ...sectionEntity.added }),
  answer: sectionEntity.schema,
  async run(w, { id, ...facts }): Promise<Section> {
    await sectionRows.refuseMany(w)
    return sectionRows.store(w, newEntity(await freshId(w, 'section', id), { ...facts, ...NEW_SECTION }, w.now))
  },
})

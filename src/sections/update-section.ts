import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { command } from '../changes/command/command.ts'
import { decideUpdateSection } from './rules.ts'
import { applyToStations, lockStations, sectionEntity, type Section } from './sections.ts'

/** A section changes: name, colour, whether it is open, its server, its tables. Parties that sit keep their server. Spec: Y12, Y13. */
export const updateSection = command({
  name: 'update-section',
  summary: 'Change a section: name, colour, whether it is open, its server, or all of its tables',
  method: 'PATCH',
  path: '/sections/:sectionId',
  role: 'host',
  inBatch: true,
  budget: [8, 2],
  input: z.strictObject({
    ...sectionEntity.edited,
    isOpen: z.boolean().optional(),
    serverId: idField.nullable().optional(),
    tableIds: z.array(idField).max(limits.tablesPerSection).optional(),
    sectionId: idField,
    version: versionField,
  }),
  answer: sectionEntity.schema,
  async run(w, input): Promise<Section> {
    await applyToStations(w, decideUpdateSection(await lockStations(w), input, w.now))
    return w.locked.of<Section>('section', input.sectionId)!
  },
})

import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { wasRemoved } from '../changes/log/log.ts'
import { decideRemoveSection } from './rules.ts'
import { applyToStations, lockStations } from './sections.ts'

/** A section goes for good; its tables are in none. Removing it again is no error. Spec: Y12. */
export const removeSection = command({
  name: 'remove-section',
  summary: 'Remove a section; its tables are in none then. Removing it again is no error',
  method: 'DELETE',
  path: '/sections/:sectionId',
  role: 'manager',
  inBatch: true,
  budget: [9, 2],
  input: z.strictObject({ sectionId: idField, version: versionField }),
  answer: z.object({ removed: z.boolean() }),
  async run(w, input): Promise<{ removed: boolean }> {
    const stations = await lockStations(w)
    const isThere = stations.sections.some(({ id }) => id === input.sectionId)
    if (!isThere && (await wasRemoved(w.tx, w.restaurantId, 'section', input.sectionId))) return { removed: false }
    await applyToStations(w, decideRemoveSection(stations, input, w.now))
    return { removed: true }
  },
})

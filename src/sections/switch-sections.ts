import { z } from 'zod'
import { idField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { decideSwitchSections } from './rules.ts'
import { applyToStations, lockStations, planEntity, plans, sectionEntity, serverEntity } from './sections.ts'

const answer = z.object({
  plan: planEntity.schema,
  sections: z.array(sectionEntity.schema),
  servers: z.array(serverEntity.schema),
})

/** A saved section plan takes effect, in one change. Parties that sit keep their server. Spec: Y15. */
export const switchSections = command({
  name: 'switch-sections',
  summary: 'Put a saved section plan into effect: its sections are open, with its servers and tables',
  method: 'POST',
  path: '/plans/:planId/switch',
  role: 'host',
  inBatch: true,
  budget: [9, 2],
  input: z.strictObject({ planId: idField }),
  answer,
  async run(w, { planId }): Promise<z.output<typeof answer>> {
    const [stations, found] = await Promise.all([lockStations(w), plans.lock(w, [planId])])
    await applyToStations(w, decideSwitchSections(stations, found.get(planId), planId, w.now))
    const now = <T extends object>(kind: string, all: readonly { readonly id: string }[]) =>
      all.map(({ id }) => w.locked.of<T>(kind, id)!)
    return {
      plan: found.get(planId)!,
      sections: now<z.output<typeof sectionEntity.schema>>('section', stations.sections),
      servers: now<z.output<typeof serverEntity.schema>>('server', stations.servers),
    }
  },
})

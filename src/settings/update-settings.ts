import { z } from 'zod'
import { versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { decided } from '../changes/decided.ts'
import { decideUpdateSettings } from './rules.ts'
import { applyToSettings, lockSettings, settingsEntity, settingsSchema, type Settings } from './settings.ts'

/** A manager changes settings. What is not sent stays; lists are sent whole. Spec: Z1, Z5. */
export const updateSettings = command({
  name: 'update-settings',
  summary: 'Change the settings of the restaurant; what is not sent stays, lists are sent whole',
  method: 'PATCH',
  path: '/settings',
  role: 'manager',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({ ...settingsEntity.edited, version: versionField }),
  answer: settingsSchema,
  async run(w, input): Promise<Settings> {
    await lockSettings(w)
    const settings = w.locked.of<Settings>('settings', w.restaurantId) ?? undefined
    return applyToSettings(w, decided(decideUpdateSettings(settings, input)))
  },
})

import { z } from 'zod'
import { idField, versionField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { decideCutServer } from './rules.ts'
import { applyToStations, lockStations, serverEntity, type Server } from './sections.ts'

/** A server is cut: the parties that sit stay, nobody new comes. Or is back, level with whoever has the fewest. Spec: Y17, Y19. */
export const cutServer = command({
  name: 'cut-server',
  summary: 'Cut a server, who gets nobody new then, or take them back into the rotation',
  method: 'POST',
  path: '/servers/:serverId/cut',
  role: 'host',
  inBatch: true,
  budget: [8, 2],
  input: z.strictObject({ serverId: idField, isCut: z.boolean().default(true), version: versionField }),
  answer: serverEntity.schema,
  async run(w, input): Promise<Server> {
    await applyToStations(w, decideCutServer(await lockStations(w), input, w.now))
    return w.locked.of<Server>('server', input.serverId)!
  },
})

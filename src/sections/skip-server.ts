import { z } from 'zod'
import { idField, textField, versionField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { command } from '../changes/command/command.ts'
import { decideSkipServer } from './rules.ts'
import { applyToStations, serverEntity, servers, type Server } from './sections.ts'

/** A server is passed over until somebody else has got a party. The log keeps who did it and why. Spec: Y18. */
export const skipServer = command({
  name: 'skip-server',
  summary: 'Pass over a server, with a reason, until somebody else has got a party',
  method: 'POST',
  path: '/servers/:serverId/skip',
  role: 'host',
  inBatch: true,
  budget: [6, 2],
  input: z.strictObject({
    serverId: idField,
    reason: textField(limits.reasonCharacters).min(1),
    version: versionField,
  }),
  answer: serverEntity.schema,
  async run(w, input): Promise<Server> {
    const server = (await servers.lock(w, [input.serverId])).get(input.serverId)
    await applyToStations(w, decideSkipServer(server, input, w.now))
    return w.locked.of<Server>('server', input.serverId)!
  },
})

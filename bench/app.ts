import type { AddressInfo } from 'node:net'
import { buildApp, type App } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import type { Db } from '../src/platform/database/db.ts'
import { createLog } from '../src/platform/observability/log.ts'
import { systemClock } from '../src/platform/clock.ts'
import { SECRET } from './pairs.ts'

/** The whole application in this process, on a port of loopback. `isSole`: as the only process of its database. */
export async function openApp(db: Db, isSole = false): Promise<{ app: App; port: number }> {
  const read = readConfig({ SECRET_KEY: SECRET, LOG_LEVEL: 'silent' })
  if ('problems' in read) throw new Error(read.problems.join('; '))
  const log = createLog('silent')
  const app = await buildApp({ config: read.config, secretKey: SECRET, db, clock: systemClock(), log, isSole })
  await app.server.listen({ host: '127.0.0.1', port: 0 })
  return { app, port: (app.server.server.address() as AddressInfo).port }
}

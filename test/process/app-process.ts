import { buildApp } from '../../src/app.ts'
import { lineageCheck } from '../../src/changes/housekeeping/lineage.ts'
import { readConfig } from '../../src/config.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { Db } from '../../src/platform/database/db.ts'
import { createLog } from '../../src/platform/observability/log.ts'
import { RedisTopics } from '../../src/platform/redis.ts'
import type { AppFigures, Question } from './app-figures.ts'

/** The application as a program of its own which tells, when asked over IPC, what it holds. Started by app-figures.ts. */

const read = readConfig({ ENVIRONMENT: 'test', LOG_LEVEL: 'error', ...process.env })
if ('problems' in read) throw new Error(read.problems.join('; '))
const { config } = read
const log = createLog(config.LOG_LEVEL)
const db = new Db({
  url: config.DATABASE_URL!,
  poolSize: config.POOL_SIZE,
  prepare: config.PREPARED_STATEMENTS,
  checkEpochs: lineageCheck(systemClock(), log),
})
const topics = config.REDIS_URL === null ? undefined : new RedisTopics(config.REDIS_URL, log)
const app = await buildApp({
  config,
  secretKey: config.SECRET_KEY!,
  db,
  clock: systemClock(),
  log,
  ...(topics && { topics }),
})
await app.server.listen({ host: '127.0.0.1', port: 0 })

function figures(): AppFigures {
  const handles: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1
  const { rss, heapUsed, external } = process.memoryUsage()
  return {
    stream: app.stream.figures,
    sockets: app.sockets.figures,
    floors: app.floors.figures,
    hub: app.hub.figures,
    topics: topics?.figures.topics ?? 0,
    db: db.figures,
    handles,
    rssBytes: rss,
    heldBytes: heapUsed + external,
  }
}

/** What is held only by what is finished in a turn of the loop goes with the second time. */
async function collect(): Promise<void> {
  for (let n = 0; n < 3; n++) {
    globalThis.gc!()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

process.on('message', (ask: Question) => {
  if (ask === 'at rest') app.server.server.closeIdleConnections()
  const first = ask === 'figures' ? Promise.resolve() : collect()
  void first.then(() => process.send!(figures()))
})
process.on('disconnect', () => process.exit(0))
const address = app.server.server.address()
process.send!(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`)

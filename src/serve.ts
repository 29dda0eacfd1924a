import { Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildApp, type App } from './app.ts'
import { lineageCheck } from './changes/housekeeping/lineage.ts'
import { dueJob } from './changes/housekeeping/due.ts'
import { startHousekeeping } from './changes/housekeeping/housekeeping.ts'
import { execute } from './changes/command/execute.ts'
import { channelsOf, type Config } from './config.ts'
import type { Place } from './database.ts'
import { expireDue, restaurantsDue } from './floor/expire-due.ts'
import { systemClock, type Clock } from './platform/clock.ts'
import { Db } from './platform/database/db.ts'
import { StartupError } from './platform/errors.ts'
import { limits } from './platform/limits.ts'
import type { Logger } from './platform/observability/log.ts'
import type { Questions } from './processes/ask-processes.ts'
import { RedisTopics, type Topics } from './platform/redis.ts'
import { sendersOf } from './messages/channels/senders.ts'
import { Messenger } from './messages/worker/messenger.ts'
import { Planner } from './platform/observability/slow-statements.ts'

/** One serving process: its pool, its application, its port. */

// How often a stopping server looks for idle connections.
const LOOK_MILLIS = 20

/**
 * Serves until the functions that it adds to `stops` are called, in reverse order. `siblings`: the line to the other
 * processes of this machine. Redis, where there is one, carries the hints instead.
 */
export async function serve(
  config: Config,
  place: Place,
  log: Logger,
  stops: (() => Promise<unknown>)[],
  siblings?: { readonly topics: Topics; readonly questions: Questions },
): Promise<App> {
  const onConnectionError = (error: Error) => log.warn({ err: error }, 'a database connection broke while idle')
  const clock = systemClock()
  const db = new Db({
    url: place.url,
    poolSize: config.POOL_SIZE,
    prepare: config.PREPARED_STATEMENTS,
    onConnectionError,
    checkEpochs: lineageCheck(clock, log),
  })
  stops.push(() => db.close())
  const redis = config.REDIS_URL === null ? undefined : new RedisTopics(config.REDIS_URL, log)
  const topics = redis ?? siblings?.topics
  if (topics) stops.push(() => topics.close())
  const app = await buildApp({
    config: { ...config, OPS_TOKEN: place.opsToken },
    secretKey: place.secretKey,
    db,
    clock,
    log,
    ...(topics && { topics }),
    ...(redis && { store: redis }),
    // Only this server uses the embedded database. One of several processes is given its address.
    isSole: config.DATABASE_URL === null,
    ...(siblings && { questions: siblings.questions }),
    planner: config.SLOW_STATEMENT_PLANS === 'on' ? new Planner(place.url) : null,
  })
  stops.push(drainOf(app))
  await listen(app, config)
  const senders = sendersOf(channelsOf(config), log)
  const messenger = new Messenger({ db, clock, log, senders })
  messenger.start()
  stops.push(() => messenger.close())
  const housekeeping = startHousekeeping([endingDue(app, { db, clock, log })], log)
  stops.push(() => housekeeping.close())
  return app
}

/** Ends what is due, in a serving process: so its devices hear of it at once. */
const endingDue = (app: App, deps: { readonly db: Db; readonly clock: Clock; readonly log: Logger }) =>
  dueJob({
    ...deps,
    restaurants: restaurantsDue,
    end: (restaurantId) => execute(app.changes, expireDue, { restaurantId, actor: SERVER }, {}),
  })

const SERVER = { role: 'server', staffId: null } as const

async function listen(app: App, config: Config): Promise<void> {
  try {
    await app.server.listen({ host: config.HOST, port: config.PORT, backlog: limits.listenBacklog })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE')
      throw new StartupError(`Port ${config.PORT} is taken. Choose another: PORT=8001 npm start`)
    if (code === 'EACCES')
      throw new StartupError(`Port ${config.PORT} needs more rights. Choose one above 1023: PORT=8000 npm start`)
    throw error
  }
}

/**
 * Stops the application so that no request fails. It accepts no new connections and tells sockets when to come back.
 * Each answer from now on ends its connection. Idle connections stay open for `limits.drainMillis`, because a request
 * may be on its way on them. What is still running after `limits.stopMillis` is cut off.
 */
function drainOf(app: App): () => Promise<void> {
  const { server } = app.server
  let underWay = 0
  let draining = false
  server.prependListener('request', (_, response) => {
    underWay++
    if (draining) response.setHeader('connection', 'close')
    response.once('close', () => underWay--)
  })
  const connections = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)))
  return async () => {
    draining = true
    app.ops.drain()
    const began = performance.now()
    const lasts = (millis: number) => performance.now() - began < millis
    // Do not use the HTTP server's own close: it cuts off idle connections.
    if (server.listening) NetServer.prototype.close.call(server)
    app.guestEvents.close()
    const left = Promise.all([app.sockets.close(), app.stream.close()])
    while ((await connections()) > 0 && lasts(limits.drainMillis)) await sleep(LOOK_MILLIS)
    while ((await connections()) > 0) {
      if (underWay > 0 && lasts(limits.stopMillis)) server.closeIdleConnections()
      else server.closeAllConnections()
      await sleep(LOOK_MILLIS)
    }
    await left
    await app.close()
  }
}

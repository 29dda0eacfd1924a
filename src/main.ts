import cluster from 'node:cluster'
import { networkInterfaces } from 'node:os'
import type { AddressInfo } from 'node:net'
import { readConfig, type Config } from './config.ts'
import { openDatabase, type Place } from './database.ts'
import { keepHouse } from './start-housekeeping.ts'
import { systemClock } from './platform/clock.ts'
import { Db } from './platform/database/db.ts'
import { StartupError } from './platform/errors.ts'
import { newId } from './platform/ids.ts'
import { limits } from './platform/limits.ts'
import { createLog, type Logger } from './platform/observability/log.ts'
import { migrate, readMigrations } from './platform/database/migrate.ts'
import { SiblingQuestions } from './processes/ask-processes.ts'
import { SiblingTopics, type ParentLine } from './processes/sibling-topics.ts'
import { Processes } from './processes/processes.ts'
import { serve } from './serve.ts'
import { firstOwner } from './staff/first-owner.ts'

/**
 * Starts the server: settings, database, migrations, then the port, in this process or in several. Stops it in
 * reverse order.
 */

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const complain = (line: string): void => void process.stderr.write(`${line}\n`)

type Stops = (() => Promise<unknown>)[]

function configOf(env: NodeJS.ProcessEnv): Config {
  const read = readConfig(env)
  if ('problems' in read)
    throw new StartupError(['The settings have problems:', ...read.problems.map((p) => `  ${p}`)].join('\n'))
  return read.config
}

async function start(stops: Stops, leave: (why: string) => void): Promise<void> {
  const config = configOf(process.env)
  const log = createLog(config.LOG_LEVEL)
  // One of several processes: the database is open and migrated.
  if (cluster.isWorker) return startOneOfSeveral(config, log, stops)
  const place = await openDatabase(config, process.cwd(), say, stops)
  await migrate(place.url, await readMigrations(new URL('../migrations/', import.meta.url)))
  // Before any device is admitted: a device must not continue with the numbers of another database.
  await keepHouse(config, place, log, stops, leave)
  await makeFirstOwner(config, place)
  const port =
    config.WEB_CONCURRENCY === 1
      ? ((await serve(config, place, log, stops)).server.server.address() as AddressInfo).port
      : await startSeveral(config, place, log, stops)
  welcome(config, port, place, log)
}

async function startSeveral(config: Config, place: Place, log: Logger, stops: Stops): Promise<number> {
  const env = {
    DATABASE_URL: place.url,
    SECRET_KEY: place.secretKey,
    ...(place.opsToken !== null && { OPS_TOKEN: place.opsToken }),
  }
  const processes = new Processes(config.WEB_CONCURRENCY, env, log)
  stops.push(() => processes.close())
  process.on('SIGHUP', () => void processes.restart())
  const port = new Promise<number>((resolve) =>
    cluster.once('listening', (_, address: { port: number }) => resolve(address.port)),
  )
  try {
    await processes.start()
  } catch (error) {
    throw new StartupError((error as Error).message)
  }
  return port
}

async function startOneOfSeveral(config: Config, log: Logger, stops: Stops): Promise<void> {
  // The first process has died, and a message to it failed. Node ends this process when the channel closes. During
  // the start it may not read the channel yet, so the process ends here.
  cluster.worker?.on('error', () => process.exit(0))
  const line: ParentLine = {
    // The first process may have died. Then this one ends too, a moment later.
    send: (message) => void (process.connected && process.send?.(message)),
    onMessage: (hear) => void process.on('message', hear),
  }
  const siblings = { topics: new SiblingTopics(line), questions: new SiblingQuestions(line) }
  const place = { url: config.DATABASE_URL!, where: '', secretKey: config.SECRET_KEY!, opsToken: config.OPS_TOKEN }
  await serve(config, place, log, stops, siblings)
}

async function makeFirstOwner(config: Config, { url }: Place): Promise<void> {
  if (config.ADMIN_EMAIL === null || config.ADMIN_PASSWORD === null) return
  const db = new Db({ url, poolSize: 1 })
  try {
    const deps = { db, clock: systemClock(), newId }
    const made = await firstOwner(deps, config.RESTAURANT_NAME, config.ADMIN_EMAIL, config.ADMIN_PASSWORD)
    if (made) say(`Made the owner ${config.ADMIN_EMAIL} of "${config.RESTAURANT_NAME}".`)
  } finally {
    await db.close()
  }
}

function welcome(config: Config, port: number, { where, opsTokenFile }: Place, log: Logger): void {
  const everywhere = config.HOST === '0.0.0.0' || config.HOST === '::'
  const lan = everywhere ? localAddress() : undefined
  say('')
  say(`  QTable is serving   http://${everywhere ? 'localhost' : config.HOST}:${port}`)
  if (lan) say(`  on this network     http://${lan}:${port}`)
  say(`  API documentation   http://${everywhere ? 'localhost' : config.HOST}:${port}/docs`)
  say(`  data                ${where}`)
  if (opsTokenFile) say(`  token of /metrics   in ${opsTokenFile}`)
  if (config.WEB_CONCURRENCY > 1)
    say(`  processes           ${config.WEB_CONCURRENCY}; kill -HUP ${process.pid} renews them`)
  say('')
  say(
    '  Next: register a restaurant with POST /auth/register, or watch a whole evening in a second terminal: npm run demo',
  )
  say('')
  if (config.TOKENLESS_SOCKETS !== 'off')
    log.warn(
      `TOKENLESS_SOCKETS=${config.TOKENLESS_SOCKETS}: whoever knows a restaurant id can hear its floor without signing in`,
    )
}

/** This machine's address on the local network. */
function localAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return all.find((each) => each.family === 'IPv4' && !each.internal)?.address
}

async function stop(stops: Stops): Promise<void> {
  for (const step of stops.splice(0).reverse()) {
    try {
      await step()
    } catch (error) {
      complain(`While stopping: ${(error as Error).message}`)
    }
  }
}

async function main(): Promise<void> {
  const stops: Stops = []
  let stopping = false
  const leave = (why: string) => {
    if (stopping) return
    stopping = true
    if (cluster.isPrimary) say(`${why}: stopping`)
    setTimeout(() => process.exit(1), limits.stopMillis + 5_000).unref()
    void stop(stops).then(() => process.exit(0))
  }
  process.on('SIGTERM', () => leave('SIGTERM'))
  // Ctrl-C in a terminal reaches all processes at once. The others wait for the message of the first one.
  process.on('SIGINT', () => cluster.isPrimary && leave('SIGINT'))
  process.on('disconnect', () => leave('the process that started this one is gone'))
  try {
    await start(stops, leave)
  } catch (error) {
    complain(
      error instanceof StartupError ? `\nQTable can't start.\n${error.message}\n` : String((error as Error).stack),
    )
    await stop(stops)
    process.exit(1)
  }
}

await main()

import { networkInterfaces } from 'node:os'
import { buildApp, type App } from './app.ts'
import { startHousekeeping } from './changes/housekeeping.ts'
import { checkLineage, lineageJob } from './changes/lineage.ts'
import { retentionJob } from './changes/retention.ts'
import { dataDirOf, readConfig, type Config } from './config.ts'
import { systemClock } from './platform/clock.ts'
import { Db } from './platform/db.ts'
import { startEmbedded } from './platform/embedded.ts'
import { StartupError } from './platform/errors.ts'
import { newId } from './platform/ids.ts'
import { limits } from './platform/limits.ts'
import { createLog, type Logger } from './platform/log.ts'
import { migrate, readMigrations } from './platform/migrate.ts'
import { firstOwner } from './staff/first-owner.ts'
import { keptSecretKey } from './secret.ts'

/** Starts the server: settings, database, migrations, then the door is opened. Stops it in the opposite order. */

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const complain = (line: string): void => void process.stderr.write(`${line}\n`)

type Undo = () => Promise<unknown>

// How often a server that stops looks for connections that ask nothing.
const CLOSING_MILLIS = 20

async function start(undo: Undo[]): Promise<void> {
  const read = readConfig(process.env)
  if ('problems' in read)
    throw new StartupError(['The settings have problems:', ...read.problems.map((p) => `  ${p}`)].join('\n'))
  const { config } = read
  const log = createLog(config.LOG_LEVEL)
  const clock = systemClock()
  const { url, where, secretKey } = await openDatabase(config, undo)
  await migrate(url, await readMigrations(new URL('../migrations/', import.meta.url)))

  const onConnectionError = (error: Error) => log.warn({ err: error }, 'a database connection broke while idle')
  const db = new Db({ url, poolSize: config.POOL_SIZE, onConnectionError })
  undo.push(() => db.close())
  // Before any device is let in: it must not go on with the numbers of another database.
  await checkLineage({ db, clock, log })
  const jobs = [retentionJob(db, clock, config.LOG_RETENTION_DAYS), lineageJob({ db, clock, log })]
  const housekeeping = startHousekeeping(jobs, log)
  undo.push(() => housekeeping.close())
  const app = await buildApp({ config, secretKey, db, clock, log })
  undo.push(closerOf(app))
  if (config.ADMIN_EMAIL !== null && config.ADMIN_PASSWORD !== null) {
    const made = await firstOwner(
      { db, clock, newId },
      config.RESTAURANT_NAME,
      config.ADMIN_EMAIL,
      config.ADMIN_PASSWORD,
    )
    if (made) say(`Made the owner ${config.ADMIN_EMAIL} of "${config.RESTAURANT_NAME}".`)
  }
  await listen(app, config)
  welcome(app, config, where, log)
}

/** The database and the key that signs tokens: both given, or both kept in the data folder. */
async function openDatabase(config: Config, undo: Undo[]): Promise<{ url: string; where: string; secretKey: string }> {
  const dataDir = dataDirOf(config, process.cwd())
  const secret = async () => config.SECRET_KEY ?? (await keptSecretKey(dataDir))
  if (config.DATABASE_URL !== null) {
    // Without the login that may stand in it.
    const place = config.DATABASE_URL.replace(/^\w+:\/\/(?:[^@/]*@)?/, '').split('?', 1)[0]
    return { url: config.DATABASE_URL, where: `PostgreSQL at ${place}`, secretKey: await secret() }
  }
  const embedded = await startEmbedded({ dataDir, maxConnections: config.POOL_SIZE + 10, say })
  undo.push(() => embedded.stop())
  return { url: embedded.url, where: embedded.location, secretKey: await secret() }
}

/**
 * Closes the application when called: what is under way is answered, for `limits.stopMillis` at most, and connections that ask nothing are closed. By
 * itself a server waits for those: for a client that keeps its connection, that connected and said nothing, that sent half a request.
 */
function closerOf(app: App): () => Promise<void> {
  const { server } = app.server
  let underWay = 0
  server.on('request', (_, response) => {
    underWay++
    response.once('close', () => underWay--)
  })
  return async () => {
    let patient = true
    const deadline = setTimeout(() => (patient = false), limits.stopMillis)
    const look = setInterval(() => {
      if (server.listening) return
      if (patient && underWay > 0) server.closeIdleConnections()
      else server.closeAllConnections()
    }, CLOSING_MILLIS)
    try {
      await app.close()
    } finally {
      clearTimeout(deadline)
      clearInterval(look)
    }
  }
}

async function listen(app: App, config: Config): Promise<void> {
  try {
    await app.server.listen({ host: config.HOST, port: config.PORT })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE')
      throw new StartupError(`Port ${config.PORT} is taken. Choose another: PORT=8001 npm start`)
    if (code === 'EACCES')
      throw new StartupError(`Port ${config.PORT} needs more rights. Choose one above 1023: PORT=8000 npm start`)
    throw error
  }
}

function welcome(app: App, config: Config, where: string, log: Logger): void {
  const address = app.server.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : config.PORT
  const everywhere = config.HOST === '0.0.0.0' || config.HOST === '::'
  const lan = everywhere ? localAddress() : undefined
  say('')
  say(`  QTable is serving   http://${everywhere ? 'localhost' : config.HOST}:${port}`)
  if (lan) say(`  on this network     http://${lan}:${port}`)
  say(`  API documentation   http://${everywhere ? 'localhost' : config.HOST}:${port}/docs`)
  say(`  data                ${where}`)
  say('')
  say(
    '  Next: register a restaurant with POST /auth/register, or watch a whole evening in a second terminal: npm run demo',
  )
  say('')
  if (config.TOKENLESS_SOCKETS !== 'off')
    log.warn(
      `TOKENLESS_SOCKETS=${config.TOKENLESS_SOCKETS}: whoever knows a restaurant id can hear its floor without signing in`,
    )
  if (config.REDIS_URL !== null) log.warn('REDIS_URL is set and not used yet: this version is one process')
}

/** This machine's address on the local network. */
function localAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return all.find((each) => each.family === 'IPv4' && !each.internal)?.address
}

async function stop(undo: Undo[]): Promise<void> {
  for (const step of undo.splice(0).reverse()) {
    try {
      await step()
    } catch (error) {
      complain(`While stopping: ${(error as Error).message}`)
    }
  }
}

async function main(): Promise<void> {
  const undo: Undo[] = []
  let stopping = false
  const leave = (signal: string) => {
    if (stopping) return
    stopping = true
    say(`${signal}: stopping`)
    setTimeout(() => process.exit(1), limits.stopMillis + 5_000).unref()
    void stop(undo).then(() => process.exit(0))
  }
  process.on('SIGTERM', () => leave('SIGTERM'))
  process.on('SIGINT', () => leave('SIGINT'))
  try {
    await start(undo)
  } catch (error) {
    complain(
      error instanceof StartupError ? `\nQTable can't start.\n${error.message}\n` : String((error as Error).stack),
    )
    await stop(undo)
    process.exit(1)
  }
}

await main()

import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { lineageCheck } from '../changes/housekeeping/lineage.ts'
import { dataDirOf, readConfig, type Config } from '../config.ts'
import { systemClock } from '../platform/clock.ts'
import { Db } from '../platform/database/db.ts'
import { startEmbedded } from '../platform/embedded/embedded.ts'
import { StartupError } from '../platform/errors.ts'
import { createLog } from '../platform/observability/log.ts'
import { migrate, readMigrations } from '../platform/database/migrate.ts'
import { addressWithoutSecrets, readOptions, USAGE, type Options } from './options.ts'
import { lockImport, openOld, runImport } from './run.ts'

/** `npm run import`: copies an old database into QTable's. Ends with 0 when every row is accounted for, else with 1. */

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const complain = (line: string): void => void process.stderr.write(`${line}\n`)

type Undo = () => Promise<unknown>

// One for the restaurant under way, one to look up e-mails meanwhile, one to spare.
const CONNECTIONS = 3

async function run(options: Options, undo: Undo[]): Promise<boolean> {
  // Nothing is signed here, so the key need not be given.
  const env = process.env
  const read = readConfig({ ...env, SECRET_KEY: env['SECRET_KEY'] || 'an import signs no tokens' })
  if ('problems' in read)
    throw new StartupError(['The settings have problems:', ...read.problems.map((p) => `  ${p}`)].join('\n'))
  const source = await openOld(options.from)
  undo.push(() => source.close())
  const { url, where } = await openTarget(read.config, options, undo)
  undo.push(await lockImport(url))
  const log = createLog(read.config.LOG_LEVEL)
  const db = new Db({ url, poolSize: CONNECTIONS, checkEpochs: lineageCheck(systemClock(), log) })
  undo.push(() => db.close())
  say(`${options.dryRun ? 'Dry run of an import' : 'Importing'} into ${where}`)
  const { ok } = await runImport(
    { db, clock: systemClock(), out: process.stdout, source, folder: process.cwd() },
    options,
  )
  return ok
}

/** QTable's database, with its newest schema. A dry run changes no schema: where there is none yet, it works in a database of its own. */
async function openTarget(config: Config, options: Options, undo: Undo[]): Promise<{ url: string; where: string }> {
  const migrations = await readMigrations(new URL('../../migrations/', import.meta.url))
  const dataDir = dataDirOf(config, process.cwd())
  const isNew =
    config.DATABASE_URL === null
      ? !existsSync(join(dataDir, 'postgres-password'))
      : (await schemaOf(config.DATABASE_URL)) === null
  if (options.dryRun && isNew) {
    const folder = await mkdtemp(join(tmpdir(), 'qtable-dry-run-'))
    undo.push(() => rm(folder, { recursive: true, force: true }))
    const { url } = await embeddedIn(folder, undo)
    await migrate(url, migrations)
    return { url, where: 'an empty database of its own, because there is none yet' }
  }
  const target =
    config.DATABASE_URL === null
      ? await embeddedIn(dataDir, undo)
      : {
          url: config.DATABASE_URL,
          where: addressWithoutSecrets(config.DATABASE_URL),
        }
  if (options.dryRun && (await schemaOf(target.url)) !== migrations.length)
    throw new StartupError(
      'The database has the schema of another version. Start this QTable once; then a dry run can be made',
    )
  if (!options.dryRun) await migrate(target.url, migrations)
  return target
}

async function embeddedIn(dataDir: string, undo: Undo[]): Promise<{ url: string; where: string }> {
  const embedded = await startEmbedded({ dataDir, maxConnections: CONNECTIONS + 10, say })
  undo.push(async () => {
    await embedded.stop()
    if (dataDir.startsWith(join(tmpdir(), 'qtable-dry-run-')))
      await rm(embedded.location, { recursive: true, force: true })
  })
  return { url: embedded.url, where: embedded.location }
}

/** How many migrations a database has had; null when it has no schema of QTable. Throws `StartupError` when it can't be reached. */
async function schemaOf(url: string): Promise<number | null> {
  const client = new pg.Client({ connectionString: url, application_name: 'qtable import' })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ there: boolean }>(
      `select to_regclass('qtable.migrations') is not null as there`,
    )
    if (!rows[0]!.there) return null
    return (await client.query<{ n: number }>('select max(version) as n from qtable.migrations')).rows[0]!.n
  } catch (error) {
    throw new StartupError(`QTable's database can't be read: ${(error as Error).message}`)
  } finally {
    await client.end().catch(() => undefined)
  }
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

async function main(): Promise<number> {
  const read = readOptions(process.argv.slice(2))
  if (read === 'help') return (say(USAGE), 0)
  if ('problems' in read) return (complain([...read.problems, '', USAGE].join('\n')), 1)
  const undo: Undo[] = []
  process.on('SIGTERM', () => process.exit(143))
  process.on('SIGINT', () => process.exit(130))
  try {
    return (await run(read.options, undo)) ? 0 : 1
  } catch (error) {
    complain(
      error instanceof StartupError ? `\nNothing was imported.\n${error.message}\n` : String((error as Error).stack),
    )
    return 1
  } finally {
    await stop(undo)
  }
}

process.exit(await main())

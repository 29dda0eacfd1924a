import { dataDirOf, readConfig } from '../config.ts'
import { renewAllEpochs } from '../changes/housekeeping/lineage.ts'
import { Db } from '../platform/database/db.ts'
import { startEmbedded } from '../platform/embedded/embedded.ts'
import { StartupError } from '../platform/errors.ts'
import { migrate, readMigrations } from '../platform/database/migrate.ts'

/** `npm run new-epoch`: after the database was restored in a way that QTable can't notice by itself. Every device then fetches its floor anew, once. */

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const complain = (line: string): void => void process.stderr.write(`${line}\n`)

const CONNECTIONS = 2

async function run(undo: (() => Promise<unknown>)[]): Promise<void> {
  const env = process.env
  // Nothing is signed here, so the key need not be given.
  const read = readConfig({ ...env, SECRET_KEY: env['SECRET_KEY'] || 'a new epoch signs no tokens' })
  if ('problems' in read)
    throw new StartupError(['The settings have problems:', ...read.problems.map((p) => `  ${p}`)].join('\n'))
  let url = read.config.DATABASE_URL
  if (url === null) {
    const dataDir = dataDirOf(read.config, process.cwd())
    const embedded = await startEmbedded({ dataDir, maxConnections: CONNECTIONS + 10, say })
    undo.push(() => embedded.stop())
    url = embedded.url
  }
  await migrate(url, await readMigrations(new URL('../../migrations/', import.meta.url)))
  const db = new Db({ url, poolSize: CONNECTIONS })
  undo.push(() => db.close())
  say(`${await renewAllEpochs(db)} restaurants have a new epoch. Their devices fetch the floor anew.`)
}

async function main(): Promise<number> {
  const undo: (() => Promise<unknown>)[] = []
  try {
    await run(undo)
    return 0
  } catch (error) {
    complain(error instanceof StartupError ? error.message : String((error as Error).stack))
    return 1
  } finally {
    for (const step of undo.reverse())
      await step().catch((error: Error) => complain(`While stopping: ${error.message}`))
  }
}

process.exit(await main())

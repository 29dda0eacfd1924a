import { randomBytes } from 'node:crypto'
import { open, readFile, realpath, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type Cluster, DATABASE, boundLog, ensureCluster, lastLogLines, setPassword } from './cluster.ts'
import { type Home, findBinaries, findHome } from './home.ts'
import { type Postmaster, launch, stopLeftover, stopPostmaster } from './postmaster.ts'
import { StartupError } from '../errors.ts'
import { type ServerLock, shortPath, takeLock } from './server-lock.ts'

/** The options of the database. */
export interface EmbeddedOptions {
  /** Absolute path of the data folder, created if it is missing. The database is in its `postgres`. */
  readonly dataDir: string
  /** The most connections. */
  readonly maxConnections: number
  /** Called with one line for the operator. */
  say(message: string): void
  /** False: nothing waits for the disk, and a power cut may lose everything. For tests only. Default true. */
  readonly durable?: boolean
  /** The user of PostgreSQL when we are root: the first of these that exists. Default postgres, nobody. */
  readonly unprivilegedAccounts?: readonly string[]
}

/** A running embedded PostgreSQL, which is restarted when it dies. */
export interface EmbeddedDatabase {
  /**
   * Connection string for node-postgres and libpq: the superuser `qtable` of the database `qtable`, by a unix socket.
   * It contains a password.
   */
  readonly url: string
  /** The real folder of the cluster, without symbolic links. */
  readonly location: string
  /** Calls `listener` whenever PostgreSQL has died, was restarted, and accepts connections. */
  onRestart(listener: () => void): void
  /** Ends all sessions, stops PostgreSQL, and releases the folder. May be called again. */
  stop(): Promise<void>
}

const FAILURES = 5
const FAILURES_MILLIS = 60_000
const FIRST_PAUSE_MILLIS = 100
const UPKEEP_MILLIS = 60 * 60 * 1000
const ACCOUNTS = ['postgres', 'nobody']
const PASSWORD = /^[0-9a-f]{48}$/
const MISSING_DATABASE = '3D000'
const WRONG_PASSWORD = '28P01'

/**
 * Starts PostgreSQL on the data folder, which is created if it is missing, and keeps it running. It listens on no
 * network port. Throws a StartupError, written for the operator, when another server uses the folder or when
 * PostgreSQL cannot run there.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  try {
    const accounts = options.unprivilegedAccounts ?? ACCOUNTS
    const home = await findHome({
      dataDir: options.dataDir,
      accounts,
      say: (message) => options.say(message),
    })
    const lock = await takeLock(home.folder, options.dataDir)
    try {
      return await startAlone(options, home, lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  } catch (error) {
    throw forOperator(error, options.dataDir)
  }
}

function forOperator(error: unknown, dataDir: string): unknown {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (
    error instanceof StartupError ||
    !['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR', 'EEXIST', 'EIO'].includes(code)
  )
    return error
  return new StartupError(`The folder of the data, ${dataDir}, can't be used: ${(error as Error).message}`)
}

async function startAlone(options: EmbeddedOptions, home: Home, lock: ServerLock): Promise<EmbeddedDatabase> {
  const cluster: Cluster = {
    ...(await findBinaries(home)),
    folder: home.folder,
    socketFolder: lock.shortPath,
    account: home.account,
    maxConnections: options.maxConnections,
    durable: options.durable ?? true,
    say: (message) => options.say(message),
  }
  await stopLeftover(cluster)
  const password = await readyPassword(cluster, await realpath(options.dataDir))
  const socket = encodeURIComponent(`${cluster.socketFolder}/run`)
  const urlOf = (database: string): string =>
    `postgresql://${DATABASE}:${password}@/${database}?host=${socket}&port=5432`
  const supervisor = new Supervisor(cluster, lock)
  await supervisor.start()
  try {
    await ensureDatabase(urlOf, options.dataDir)
  } catch (error) {
    await supervisor.stop()
    throw error
  }
  return {
    url: urlOf(DATABASE),
    location: home.folder,
    onRestart: (listener) => supervisor.onRestart(listener),
    stop: () => supervisor.stop(),
  }
}

/** Makes sure that the cluster exists, with a password for it in the data folder. */
async function readyPassword(cluster: Cluster, dataDir: string): Promise<string> {
  const path = join(dataDir, 'postgres-password')
  const kept = (await readFile(path, 'utf8').catch(emptyIfMissing)).trim()
  const password = PASSWORD.test(kept) ? kept : randomBytes(24).toString('hex')
  const made = await ensureCluster(cluster, password)
  if (password === kept) return password
  // The cluster exists and the file does not: the file was lost, or the very first start was interrupted just before
  // writing it.
  if (!made) await setPassword(cluster, password)
  const handle = await open(`${path}.new`, 'w', 0o600)
  try {
    await handle.writeFile(`${password}\n`)
    // The cluster's owner may start the server too.
    if (cluster.account) await handle.chown(cluster.account.uid, cluster.account.gid)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${path}.new`, path)
  return password
}

function emptyIfMissing(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
  throw error
}

async function ensureDatabase(urlOf: (database: string) => string, dataDir: string): Promise<void> {
  try {
    await query(urlOf(DATABASE), 'select')
  } catch (error) {
    const code = (error as { code?: string }).code
    if (code === MISSING_DATABASE) return await query(urlOf('postgres'), `create database ${DATABASE}`)
    if (code !== WRONG_PASSWORD) throw error
    throw new StartupError(
      `${join(dataDir, 'postgres-password')} is not the password of the database there. ` +
        'Bring the right file back, or remove it: then a new password is set.',
    )
  }
}

async function query(connectionString: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query(text)
  } finally {
    await client.end()
  }
}

/** Keeps one postmaster running until `stop`. */
class Supervisor {
  readonly #cluster: Cluster
  readonly #lock: ServerLock
  readonly #listeners: (() => void)[] = []
  readonly #pause = new AbortController()
  readonly #upkeep: NodeJS.Timeout
  #postmaster: Postmaster | undefined
  #watching: Promise<void> | undefined
  #stopped: Promise<void> | undefined

  constructor(cluster: Cluster, lock: ServerLock) {
    this.#cluster = cluster
    this.#lock = lock
    this.#upkeep = setInterval(() => void this.#tidy(), UPKEEP_MILLIS).unref()
  }

  async start(): Promise<void> {
    process.on('exit', this.#atExit)
    try {
      await this.#launch()
    } catch (error) {
      this.#letGo()
      throw error
    }
    this.#watching = this.#watch()
  }

  onRestart(listener: () => void): void {
    this.#listeners.push(listener)
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#pause.abort()
    if (this.#postmaster) await stopPostmaster(this.#postmaster)
    await this.#watching
    this.#letGo()
    await this.#lock.release()
  }

  #letGo(): void {
    clearInterval(this.#upkeep)
    process.off('exit', this.#atExit)
  }

  // A process that ends without `stop` (a bug, process.exit) ends its database too. Only kill -9 leaves it to the
  // next start.
  readonly #atExit = (): void => {
    if (this.#postmaster?.end === undefined) this.#postmaster?.child.kill('SIGINT')
  }

  async #launch(): Promise<void> {
    const adopt = (it: Postmaster): void => {
      this.#postmaster = it
    }
    await launch(this.#cluster, adopt, () => this.#pause.signal.aborted)
    // The server decides whether the process continues.
    this.#postmaster?.child.unref()
  }

  async #watch(): Promise<void> {
    let failures: number[] = []
    let why = (await this.#postmaster?.gone) ?? ''
    while (!this.#pause.signal.aborted) {
      failures = [...failures.filter((at) => at > Date.now() - FAILURES_MILLIS), Date.now()]
      if (failures.length >= FAILURES) return await this.#giveUp(why)
      this.#cluster.say(`PostgreSQL ${why}. It is started again.`)
      const millis = FIRST_PAUSE_MILLIS * 2 ** (failures.length - 1)
      await sleep(millis, undefined, { ref: false, signal: this.#pause.signal }).catch(() => undefined)
      why = await this.#again()
    }
  }

  /** Restarts it, waits for its end, and returns how it ended. */
  async #again(): Promise<string> {
    try {
      await this.#launch()
    } catch (error) {
      return oneLine(`could not be started: ${(error as Error).message}`)
    }
    for (const listener of this.#listeners) {
      try {
        listener()
      } catch (error) {
        this.#cluster.say(`After the restart of PostgreSQL: ${(error as Error).message}`)
      }
    }
    return (await this.#postmaster?.gone) ?? ''
  }

  async #giveUp(why: string): Promise<void> {
    const log = oneLine(await lastLogLines(this.#cluster))
    this.#cluster.say(
      `PostgreSQL ${why}. It failed ${FAILURES} times within a minute and is not started any more; ` +
        `start the server again when this is mended. The last lines of its log: ${log}`,
    )
  }

  async #tidy(): Promise<void> {
    try {
      await boundLog(this.#cluster)
      // A cleaner of the temporary folder may have removed it.
      await shortPath(this.#cluster.folder)
    } catch (error) {
      this.#cluster.say(`The log of PostgreSQL could not be kept short: ${(error as Error).message}`)
    }
  }
}

const oneLine = (text: string): string => text.replaceAll('\n', ' | ')

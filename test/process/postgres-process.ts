import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { type Cluster, ensureCluster } from '../../src/platform/embedded/cluster.ts'
import { findBinaries, findHome } from '../../src/platform/embedded/home.ts'
import { launch, type Postmaster, stopPostmaster } from '../../src/platform/embedded/postmaster.ts'
import { shortPath } from '../../src/platform/embedded/server-lock.ts'
import { asLogin, databaseIn } from '../postgres.ts'
import { familyOf, signal } from './processes.ts'
import { cleanUp, folder, killPostgres } from './server.ts'

/** A durable PostgreSQL of a test's own that nobody starts again but the test: it can be away for as long as a proof wants. */

/** A PostgreSQL at one place, whether it runs or not. */
export interface PostgresProcess {
  /** Of its database `qtable`, as superuser, by a unix socket. It stays the same. For TCP, and for faults: `openProxyTo(url)`. */
  readonly url: string
  /** The postmaster, or undefined when none runs. */
  readonly pid: () => number | undefined
  /** Starts it on the data that it had, and waits until it takes connections. What is left of a killed one is ended first. */
  readonly start: () => Promise<void>
  /** Ends all sessions and stops it, as an operator does. */
  readonly stop: () => Promise<void>
  /** kill -9 of the postmaster and of all its processes. */
  readonly kill: () => Promise<void>
  /** kill -9 of the postmaster alone: its sessions notice, and end a moment later. */
  readonly killPostmaster: () => Promise<void>
  /** kill -9 of one session's process: PostgreSQL ends all sessions, and recovers by itself. */
  readonly crash: () => Promise<void>
  /** Holds all of its processes: connections stay open, nothing is answered (SIGSTOP). */
  readonly pause: () => Promise<void>
  /** Lets them go on (SIGCONT). */
  readonly resume: () => Promise<void>
}

/** Makes and starts a durable PostgreSQL with an empty database `qtable`. It ends with the test. */
export async function startPostgres(maxConnections = 100): Promise<PostgresProcess> {
  const dataDir = join(await folder(), 'data')
  const say = () => undefined
  const home = await findHome({ dataDir, accounts: ['postgres', 'nobody'], say })
  const socketFolder = await shortPath(home.folder)
  const cluster: Cluster = {
    ...(await findBinaries(home)),
    folder: home.folder,
    socketFolder,
    account: home.account,
    maxConnections,
    durable: true,
    say,
  }
  if (socketFolder !== home.folder) cleanUp(() => rm(socketFolder, { force: true }))
  const password = randomBytes(24).toString('hex')
  await ensureCluster(cluster, password)
  const url = `postgresql://qtable:${password}@/qtable?host=${encodeURIComponent(`${socketFolder}/run`)}&port=5432`

  let postmaster: Postmaster | undefined
  const running = () => (postmaster?.end === undefined ? postmaster : undefined)
  const pid = () => running()?.child.pid
  const family = () => familyOf(pid() ?? 0)
  const postgres: PostgresProcess = {
    url,
    pid,
    start: async () => {
      if (running()) throw new Error('PostgreSQL runs already')
      await launch(
        cluster,
        (it) => (postmaster = it),
        () => false,
      )
    },
    stop: async () => {
      if (postmaster) await stopPostmaster(postmaster)
    },
    kill: async () => {
      await killPostgres(dataDir)
      await postmaster?.gone
    },
    killPostmaster: async () => {
      running()?.child.kill('SIGKILL')
      await postmaster?.gone
    },
    crash: () => crashSession(url),
    pause: async () => {
      for (const each of await family()) signal(each.pid, 'SIGSTOP')
    },
    resume: async () => {
      for (const each of await family()) signal(each.pid, 'SIGCONT')
    },
  }
  // It is in a process group of its own: what ends us does not end it.
  const atExit = () => void running()?.child.kill('SIGINT')
  process.once('exit', atExit)
  cleanUp(async () => {
    process.off('exit', atExit)
    await postgres.kill()
  })
  await postgres.start()
  await asLogin(databaseIn(url, 'postgres'), 'create database qtable')
  return postgres
}

/** kill -9 of a session's process, which to PostgreSQL is a crash. Waits until it has noticed. */
async function crashSession(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => void client.once('end', resolve))
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  signal(rows[0]!.pid, 'SIGKILL')
  await ended
}

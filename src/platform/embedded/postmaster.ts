import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { type FileHandle, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, boundLog, lastLogLines, openLog, surroundings } from './cluster.ts'
import { StartupError } from '../errors.ts'
import { ownFolder } from './server-lock.ts'

/** A running postmaster, our child process. */
export interface Postmaster {
  readonly child: ChildProcess
  /** Resolves when it has ended, with how it ended. Never rejects. */
  readonly gone: Promise<string>
  /** How it ended; undefined while it runs. */
  end: string | undefined
}

const READY_MILLIS = 60_000
const BUSY_MILLIS = 20_000
const FAST_MILLIS = 10_000
const QUIT_MILLIS = 5_000
const POLL_MILLIS = 10
// PostgreSQL's message while processes of a killed postmaster still use the cluster's memory.
const STILL_IN_USE = /still in use|lock file "[^"]*" already exists/

function settings(cluster: Cluster): string[] {
  const on = cluster.durable ? 'on' : 'off'
  const values = {
    listen_addresses: '',
    port: '5432',
    unix_socket_directories: `"${cluster.socketFolder.replaceAll('"', '""')}/run"`,
    unix_socket_permissions: '0700',
    max_connections: `${cluster.maxConnections}`,
    shared_buffers: '64MB',
    huge_pages: 'off',
    // Otherwise three more processes would wait for reads that a database of this size does not do.
    io_method: 'sync',
    timezone: 'UTC',
    log_timezone: 'UTC',
    wal_level: 'minimal',
    max_wal_senders: '0',
    fsync: on,
    synchronous_commit: on,
    full_page_writes: on,
    // The log is for errors, not for routine, and never for values of guests.
    log_destination: 'stderr',
    logging_collector: 'off',
    log_checkpoints: 'off',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
  }
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

/**
 * Starts a postmaster and waits until it accepts connections. It first ends or removes the remains of a killed one,
 * and waits for dying processes of an old one. `adopt` gets each postmaster as soon as it exists. Throws a
 * StartupError with the last lines of the log when it does not come up within 60 seconds, or when `cancelled` says
 * so.
 */
export async function launch(
  cluster: Cluster,
  adopt: (it: Postmaster) => void,
  cancelled: () => boolean,
): Promise<void> {
  const began = Date.now()
  for (;;) {
    await stopLeftover(cluster)
    await boundLog(cluster)
    const log = await openLog(cluster)
    const from = (await log.stat()).size
    if (cancelled()) {
      await log.close()
      throw new StartupError('The start of PostgreSQL was called off.')
    }
    const postmaster = spawnPostmaster(cluster, log)
    adopt(postmaster)
    await log.close()
    await runBatched(postmaster.child.pid)
    const ready = await untilReady(cluster, postmaster, began + READY_MILLIS)
    if (ready) return
    const said = await lastLogLines(cluster, from)
    if (postmaster.end !== undefined && STILL_IN_USE.test(said) && Date.now() < began + BUSY_MILLIS && !cancelled()) {
      await sleep(200)
      continue
    }
    const how = postmaster.end ?? `was not ready after ${READY_MILLIS / 1000} seconds`
    await stopPostmaster(postmaster)
    throw new StartupError(
      `PostgreSQL in ${cluster.folder} did not start: it ${how}. Its log says:\n${said || '(nothing)'}`,
    )
  }
}

function spawnPostmaster(cluster: Cluster, log: FileHandle): Postmaster {
  const args = ['-D', join(cluster.folder, 'data'), ...settings(cluster)]
  // A process group of its own: Ctrl-C in a terminal is for us, and we stop PostgreSQL when our requests are done.
  const options = {
    ...surroundings(cluster),
    detached: true,
    stdio: ['ignore', log.fd, log.fd] as ['ignore', number, number],
  }
  const child = spawn(join(cluster.bin, 'postgres'), args, options)
  const postmaster: Postmaster = {
    child,
    end: undefined,
    gone: new Promise((resolve) => {
      const finish = (how: string): void => {
        postmaster.end ??= how
        resolve(postmaster.end)
      }
      child.once('error', (error) => finish(`could not be run (${error.message})`))
      child.once('exit', (code, signal) => finish(signal ? `was ended by ${signal}` : `ended with code ${code}`))
    }),
  }
  return postmaster
}

/**
 * Makes the kernel treat a process, and its later children, as batch work (SCHED_BATCH, sched(7)). A session that
 * gets a query then does not take the core from the server, which has more to send to others and to devices. Commands
 * are up to a quarter faster on two cores (docs/decisions/0012). Without `chrt` (util-linux, BusyBox), nothing
 * changes.
 */
function runBatched(pid: number | undefined): Promise<void> {
  if (process.platform !== 'linux' || pid === undefined) return Promise.resolve()
  return new Promise((resolve) => execFile('chrt', ['-b', '-p', '0', `${pid}`], { timeout: 2_000 }, () => resolve()))
}

async function untilReady(cluster: Cluster, postmaster: Postmaster, deadline: number): Promise<boolean> {
  while (postmaster.end === undefined && Date.now() < deadline) {
    const lines = await pidFile(cluster)
    if (lines[0]?.trim() === `${postmaster.child.pid}` && lines[7]?.trim() === 'ready') return true
    await sleep(POLL_MILLIS)
  }
  return false
}

async function pidFile(cluster: Cluster): Promise<string[]> {
  const text = await readFile(join(cluster.folder, 'data/postmaster.pid'), 'utf8').catch(() => '')
  return text.split('\n')
}

/**
 * Stops a postmaster and its sessions: fast, after 10 seconds immediately, after 5 more by force. Returns when it has
 * ended.
 */
export async function stopPostmaster(postmaster: Postmaster): Promise<void> {
  // It must keep the event loop alive now, or we would end before it.
  postmaster.child.ref()
  for (const [signal, millis] of [
    ['SIGINT', FAST_MILLIS],
    ['SIGQUIT', QUIT_MILLIS],
  ] as const) {
    if (postmaster.end !== undefined) return
    postmaster.child.kill(signal)
    const timer = new AbortController()
    await Promise.race([postmaster.gone, sleep(millis, undefined, { signal: timer.signal }).catch(() => undefined)])
    timer.abort()
  }
  if (postmaster.end === undefined) postmaster.child.kill('SIGKILL')
  await postmaster.gone
}

/**
 * Ends the postmaster that a killed server left running, and removes the files of one that no longer exists. Only for
 * the lock's holder.
 */
export async function stopLeftover(cluster: Cluster): Promise<void> {
  const data = join(cluster.folder, 'data')
  const pid = Number((await pidFile(cluster))[0])
  if (Number.isSafeInteger(pid) && pid > 0) {
    if (await isPostmasterOf(data, pid)) {
      cluster.say(
        `PostgreSQL (process ${pid}) was left running by a server that was killed. It is stopped and started anew.`,
      )
      await endLeftover(data, pid)
    } else {
      // PostgreSQL takes any process with this pid for a postmaster. Its shared memory still shows whether the
      // cluster is in use.
      await rm(join(data, 'postmaster.pid'), { force: true })
    }
  }
  const runFolder = join(cluster.folder, 'run')
  await ownFolder(runFolder, cluster.account)
  for (const name of await readdir(runFolder)) await rm(join(runFolder, name), { force: true })
}

async function endLeftover(data: string, pid: number): Promise<void> {
  for (const [signal, millis] of [
    ['SIGINT', FAST_MILLIS],
    ['SIGQUIT', QUIT_MILLIS],
    ['SIGKILL', QUIT_MILLIS],
  ] as const) {
    try {
      process.kill(pid, signal)
    } catch {
      return
    }
    for (const until = Date.now() + millis; Date.now() < until; await sleep(20)) {
      if (!(await isPostmasterOf(data, pid))) return
    }
  }
  throw new StartupError(
    `PostgreSQL (process ${pid}) is still running on ${data} and can't be stopped. Stop it, then start again.`,
  )
}

/** Whether the process with this number is alive and a postmaster of this cluster. */
async function isPostmasterOf(data: string, pid: number): Promise<boolean> {
  if (process.platform !== 'linux') return (await psCommand(pid)).includes(` -D ${data} `)
  // Empty for a zombie process.
  const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  if (basename(args[0] ?? '') !== 'postgres') return false
  if (args[args.indexOf('-D') + 1] === data) return true
  // The folder may have been moved since; a postmaster works in its cluster.
  return (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === data
}

function psCommand(pid: number): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn('/bin/ps', ['-ww', '-p', `${pid}`, '-o', 'command='], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.once('error', () => resolve(''))
    child.once('close', () => resolve(`${output.trim()} `))
  })
}

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { type FileHandle, constants, copyFile, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './home.ts'
import { StartupError } from '../errors.ts'

/** What the programs of one cluster need. */
export interface Cluster {
  /** The folder that holds `data`, `run` and `postgres.log`. */
  readonly folder: string
  /** The same folder by a path short enough for the socket in `run`. */
  readonly socketFolder: string
  readonly bin: string
  readonly major: string
  readonly account: Account | undefined
  readonly maxConnections: number
  readonly durable: boolean
  say(message: string): void
}

/** Name of the database and of its superuser. */
export const DATABASE = 'qtable'

const LOG_BYTES = 4 * 1024 * 1024
const LOG_LINES = 8

/**
 * Creates the cluster unless it exists, with `password` for its superuser. A cluster is named `data` only when it is
 * complete; incomplete ones are removed here. Returns whether it was created. Throws a StartupError when it has
 * another major version or cannot be created.
 */
export async function ensureCluster(cluster: Cluster, password: string): Promise<boolean> {
  const data = join(cluster.folder, 'data')
  for (const name of await readdir(cluster.folder)) {
    // A first start that was killed may have left a running initdb. Its remains are removed at a later start.
    if (name.startsWith('new-'))
      await rm(join(cluster.folder, name), { recursive: true, force: true }).catch(() => undefined)
  }
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (version === undefined) {
    const found = await readdir(data).catch(() => [])
    if (found.length > 0) {
      throw new StartupError(
        `${data} is no PostgreSQL cluster (it has no file PG_VERSION). Move it away, or bring its backup back.`,
      )
    }
    await makeCluster(cluster, data, password)
    return true
  }
  if (version.trim() !== cluster.major) {
    throw new StartupError(
      `The database in ${data} was made by PostgreSQL ${version.trim()}; ` +
        `this QTable brings PostgreSQL ${cluster.major}, which can't read it. ` +
        `Start the QTable that made it, or copy the data over with pg_dump and psql of PostgreSQL ${version.trim()}, ` +
        'or move the folder away to begin with an empty database.',
    )
  }
  return false
}

async function makeCluster(cluster: Cluster, data: string, password: string): Promise<void> {
  const staging = join(cluster.folder, `new-${randomBytes(4).toString('hex')}`)
  const passwordFile = `${staging}.password`
  const handle = await open(passwordFile, 'wx', 0o600)
  await handle.writeFile(`${password}\n`)
  if (cluster.account) await handle.chown(cluster.account.uid, cluster.account.gid)
  await handle.close()
  const args = [
    '-D',
    staging,
    `--username=${DATABASE}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
  ]
  args.push(
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--data-checksums',
    '--no-instructions',
  )
  if (!cluster.durable) args.push('--no-sync')
  try {
    const { code, output } = await run(cluster, 'initdb', args, '')
    if (code !== 0) {
      throw new StartupError(
        `The database could not be made in ${cluster.folder}: ${lastLines(output) || `initdb ended with ${code}`}`,
      )
    }
    await rename(staging, data)
    if (cluster.durable) await syncFolder(cluster.folder)
  } finally {
    await rm(passwordFile, { force: true })
    await rm(staging, { recursive: true, force: true })
  }
}

/**
 * Sets a new password of the superuser. The cluster must not be running. Throws a StartupError when the cluster
 * cannot be opened.
 */
export async function setPassword(cluster: Cluster, password: string): Promise<void> {
  const args = ['--single', '-D', join(cluster.folder, 'data'), 'postgres']
  const { code, output } = await run(cluster, 'postgres', args, `alter role ${DATABASE} password '${password}'\n`)
  if (code !== 0 || /\bERROR:/.test(output)) {
    throw new StartupError(`The password of the database in ${cluster.folder} could not be set: ${lastLines(output)}`)
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function run(
  cluster: Cluster,
  program: string,
  args: string[],
  input: string,
): Promise<{ code: number | string; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(join(cluster.bin, program), args, {
      ...surroundings(cluster),
      stdio: 'pipe',
    })
    let output = ''
    const collect = (text: string): void => {
      output = (output + text).slice(-20_000)
    }
    child.stdout.setEncoding('utf8').on('data', collect)
    child.stderr.setEncoding('utf8').on('data', collect)
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.once('error', (error) => resolve({ code: error.message, output: output + error.message }))
    child.once('close', (code, signal) => resolve({ code: code ?? signal ?? 'nothing', output }))
  })
}

/** How its programs are spawned: folder, user and environment. */
export function surroundings({ account, folder }: Cluster): {
  cwd: string
  env: NodeJS.ProcessEnv
  uid?: number
  gid?: number
} {
  // Our own environment is not passed on: PGPORT, PGOPTIONS, LD_LIBRARY_PATH and the like would change what runs
  // here.
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
  return { cwd: folder, env, ...(account && { uid: account.uid, gid: account.gid }) }
}

const logPath = (cluster: Cluster): string => join(cluster.folder, 'postgres.log')

/** Opens the log for a process to append to. The caller closes it. */
export async function openLog(cluster: Cluster): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants
  // The folder belongs to PostgreSQL's user. Root does not write where that user could place a link.
  const log = await open(logPath(cluster), O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600)
  if (cluster.account) await log.chown(cluster.account.uid, cluster.account.gid)
  return log
}

/**
 * Keeps the log below 4 MB: a larger one becomes `postgres.log.1`. It may run while PostgreSQL writes (PostgreSQL
 * appends).
 */
export async function boundLog(cluster: Cluster): Promise<void> {
  const path = logPath(cluster)
  const size = (await stat(path).catch(() => undefined))?.size ?? 0
  if (size < LOG_BYTES) return
  await rm(`${path}.1`, { force: true })
  await copyFile(path, `${path}.1`, constants.COPYFILE_EXCL)
  const log = await open(path, constants.O_RDWR | constants.O_NOFOLLOW)
  await log.truncate(0)
  await log.close()
}

/** The last lines of the log that were written after byte `from`. */
export async function lastLogLines(cluster: Cluster, from = 0): Promise<string> {
  try {
    const log = await open(logPath(cluster), 'r')
    try {
      const { size } = await log.stat()
      const start = Math.max(from <= size ? from : 0, size - 16_384)
      const { buffer, bytesRead } = await log.read(Buffer.alloc(size - start), 0, size - start, start)
      return lastLines(buffer.toString('utf8', 0, bytesRead))
    } finally {
      await log.close()
    }
  } catch {
    return ''
  }
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-LOG_LINES).join('\n')

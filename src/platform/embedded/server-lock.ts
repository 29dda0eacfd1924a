import { createHash, randomBytes } from 'node:crypto'
import { lchown, link, lstat, mkdir, readdir, readlink, rm, stat, symlink } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { StartupError } from '../errors.ts'

/** The right to be the one server on a folder. It ends with the process, however that ends. */
export interface ServerLock {
  /** See `shortPath`; of the folder that is locked. Removed by `release`. */
  readonly shortPath: string
  /** Releases the right. May be called twice. */
  release(): Promise<void>
}

// A unix socket's path holds 103 bytes on macOS and 107 on Linux; '/run/.s.PGSQL.5432' and '/lock/new-01234567' are 18
// long.
const LONGEST_FOLDER = 103 - 18
const ATTEMPTS = 50
const PID_ANSWER_MILLIS = 500
// Reading a folder is not atomic: the numbers just below the highest stay, so that a reader cannot miss both the old
// and the new one.
const KEPT_NUMBERS = 8

/**
 * A path for `folder` under which unix sockets in its sub-folders `run` and `lock` fit: the folder itself, or, when
 * that is too long, a symbolic link to it in the folder for temporary files, named after the user and a hash of the
 * folder. Throws a StartupError when no such link can be made.
 */
export async function shortPath(folder: string): Promise<string> {
  if (Buffer.byteLength(folder) <= LONGEST_FOLDER) return folder
  const name = `qtable-${process.getuid?.() ?? 0}-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`
  // /tmp comes first: the database's account can follow a link there, which is not certain for root's own $TMPDIR.
  for (const base of ['/tmp', tmpdir()]) {
    // The second name is for the case that somebody else occupies the first.
    for (const path of [join(base, name), join(base, `${name}-${randomBytes(4).toString('hex')}`)]) {
      if (Buffer.byteLength(path) <= LONGEST_FOLDER && (await pointsTo(path, folder))) return path
    }
  }
  throw new StartupError(
    `The path ${folder} is too long for a unix socket (${LONGEST_FOLDER} bytes), ` +
      'and no link to it could be made in /tmp. Set QTABLE_DATA to a shorter path.',
  )
}

async function pointsTo(path: string, folder: string): Promise<boolean> {
  try {
    await symlink(folder, path)
    return true
  } catch {
    try {
      const found = await lstat(path)
      // Another user's link is not trusted: its owner may change it at any time.
      return found.isSymbolicLink() && found.uid === process.getuid?.() && (await readlink(path)) === folder
    } catch {
      return false
    }
  }
}

/**
 * Makes this process the one server on `home` (an absolute path without symbolic links). Throws a StartupError that
 * names `dataDir` when another one is.
 *
 * The lock is a listening unix socket, which the kernel closes with the process. Each holder's socket gets the next
 * number: `held-8` after `held-7`. Only the highest number counts. A number is taken by a hard link, which exactly one
 * starter can make, of a socket that listens already; so the highest number is either answered (somebody holds the
 * lock) or dead for ever. The dead one is not removed before there is a higher one: two starters that find the same
 * dead socket want the same next number.
 */
export async function takeLock(home: string, dataDir: string): Promise<ServerLock> {
  const folder = join(home, 'lock')
  // The home's owner may start the server next time, even if root does now.
  await ownFolder(folder, process.getuid?.() === 0 ? await stat(home) : undefined)
  const own = `new-${randomBytes(4).toString('hex')}`
  const server = await listenIn(home, own)
  const close = async (): Promise<void> => {
    await closeServer(server)
    await rm(join(folder, own), { force: true })
  }
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const highest = await highestHeld(folder)
      const holder = await answerOf(home, `held-${highest}`)
      if (holder !== undefined) throw inUse(dataDir, holder)
      if (await takeNumber(folder, own, highest + 1)) {
        await tidy(home, folder, own, highest + 1)
        return await holding(home, close)
      }
    }
    throw new StartupError(`Too many servers start on ${dataDir} at once. Start one.`)
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Makes a private folder inside a home, for `account` (when we are root) or for us. Throws a StartupError when
 * something else has its name: the home belongs to the account, and root must not be led elsewhere by a link.
 */
export async function ownFolder(path: string, account: { uid: number; gid: number } | undefined): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  if (!(await lstat(path)).isDirectory()) throw new StartupError(`${path} must be a folder. Remove what is there.`)
  if (account) await lchown(path, account.uid, account.gid)
}

async function holding(home: string, close: () => Promise<void>): Promise<ServerLock> {
  const short = await shortPath(home)
  let released: Promise<void> | undefined
  const release = async (): Promise<void> => {
    // First, while nobody else can hold the lock and need it.
    if (short !== home) await rm(short, { force: true })
    await close()
  }
  return {
    shortPath: short,
    release: () => {
      released ??= release()
      return released
    },
  }
}

function inUse(dataDir: string, holder: string): StartupError {
  const who = holder === '' ? 'Another QTable server' : `Another QTable server (process ${holder})`
  return new StartupError(`${who} is running on ${dataDir}. Stop it first, or set QTABLE_DATA to a folder of its own.`)
}

async function listenIn(home: string, name: string): Promise<net.Server> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listenAt(join(await shortPath(home), 'lock', name))
    } catch (error) {
      // The short path is removed by a server that stops, which may be just now.
      if (codeOf(error) === 'ENOENT' && attempt < ATTEMPTS) continue
      if (error instanceof StartupError) throw error
      throw new StartupError(
        `No unix socket can be made in ${home} (${(error as Error).message}). ` +
          'Set QTABLE_DATA to a folder on a local disk that may be written.',
      )
    }
  }
}

function listenAt(path: string): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => socket.destroy())
      socket.end(`${process.pid}\n`)
    })
    server.once('error', reject)
    // A user who may enter the folder may check whether we live, even if root started us.
    server.listen({ path, readableAll: true, writableAll: true }, () => {
      server.off('error', reject)
      server.on('error', () => undefined)
      server.unref()
      resolve(server)
    })
  })
}

function closeServer(server: net.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

async function highestHeld(folder: string): Promise<number> {
  return Math.max(0, ...(await heldNumbers(folder)))
}

async function heldNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder)
  return names.map((name) => Number(/^held-(\d+)$/.exec(name)?.[1] ?? 0)).filter((number) => number > 0)
}

async function takeNumber(folder: string, own: string, number: number): Promise<boolean> {
  const held = join(folder, `held-${number}`)
  try {
    await link(join(folder, own), held)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
  // A slow starter may take a number that others have already abandoned and removed. Then there is a higher one.
  if ((await highestHeld(folder)) === number) return true
  await rm(held, { force: true })
  return false
}

/** Removes the sockets of starters that have ended. */
async function tidy(home: string, folder: string, own: string, mine: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const number = Number(/^held-(\d+)$/.exec(name)?.[1] ?? mine)
    const old = number < mine - KEPT_NUMBERS
    const dead = name.startsWith('new-') && name !== own && (await answerOf(home, name)) === undefined
    if (old || dead) await rm(join(folder, name), { force: true })
  }
}

/**
 * The pid of the process that listens on a socket of the lock folder, '' when it doesn't tell, undefined when nobody
 * listens.
 */
async function answerOf(home: string, name: string): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    const answer = await ask(join(await shortPath(home), 'lock', name))
    if (answer !== 'missing') return answer === 'dead' ? undefined : answer.trim()
    const there = await lstat(join(home, 'lock', name)).catch(() => undefined)
    if (there === undefined) return undefined
    // Only the short path was missing: a stopping server has just removed it.
    if (attempt === ATTEMPTS) return ''
  }
}

function ask(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(path)
    let answer = ''
    const finish = (): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setEncoding('utf8')
    // The kernel accepts connections for a holder that is too busy to answer: it counts as alive without an answer.
    socket.setTimeout(PID_ANSWER_MILLIS, finish)
    socket.on('data', (text: string) => {
      answer += text
    })
    socket.once('end', finish)
    socket.once('error', (error) => {
      const code = codeOf(error)
      if (code === 'ECONNREFUSED') resolve('dead')
      else if (code === 'ENOENT') resolve('missing')
      else finish()
    })
  })
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

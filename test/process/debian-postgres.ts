import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { familyOf, isAlive, signal, until } from './processes.ts'
import { cleanUp } from './server.ts'

/** The PostgreSQL of Debian, which unlike the one of npm has all that replication needs. It refuses to run as root. */

const ROOT = '/usr/lib/postgresql'

/** The folder of its newest programs, or null where there are none. */
export async function programsOfDebian(): Promise<string | null> {
  const versions = await readdir(ROOT).catch(() => [])
  const newest = versions.filter((name) => Number(name) >= 15).toSorted((a, b) => Number(b) - Number(a))[0]
  return newest === undefined ? null : join(ROOT, newest, 'bin')
}

/** As whom its programs run: the user postgres where we are root. */
export async function accountOfDebian(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const passwd = await readFile('/etc/passwd', 'utf8')
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? []
  return { uid: Number(uid), gid: Number(gid) }
}

/** A folder of that account, which ends with the test. */
export async function folderOfDebian(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'qtable-pg-'))
  const account = await accountOfDebian()
  if (account) await chown(path, account.uid, account.gid)
  cleanUp(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
  return path
}

/** Runs one of its programs to its end. */
export async function runAsDebian(program: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)(program, args, { cwd: '/', env: ENV, ...(await accountOfDebian()) })
}

const ENV = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C.UTF-8', HOME: '/tmp' }

/** Starts a program of that account; it is killed with the test. Gives what it wrote, too. */
export async function startAsDebian(
  program: string,
  args: readonly string[],
  cwd = '/',
): Promise<{ child: ChildProcess; output: () => string }> {
  const child = spawn(program, args, { cwd, env: ENV, stdio: ['ignore', 'pipe', 'pipe'], ...(await accountOfDebian()) })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => void (output = (output + text).slice(-20_000)))
  cleanUp(() => kill(child))
  return { child, output: () => output }
}

/** kill -9 of a program that `startAsDebian` started. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

/** Asks a server as its superuser. */
export async function ask<Row extends object>(port: number, sql: string, database = 'postgres'): Promise<Row[]> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', password: 'p', database })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Waits until a server takes connections. */
export const answers = (port: number, millis = 30_000): Promise<void> =>
  until(
    () =>
      ask(port, 'select 1').then(
        () => true,
        () => false,
      ),
    millis,
  )

/** kill -9 of a PostgreSQL by the folder of its data, with all of its sessions, as when its machine stops. */
export async function killCluster(data: string): Promise<void> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number(text.split('\n')[0])
  if (!pid) return
  signal(pid, 'SIGSTOP')
  const family = await familyOf(pid)
  for (const each of family) signal(each.pid, 'SIGKILL')
  for (const each of family) await until(async () => !(await isAlive(each.pid)))
}

/** One address for a server that changes its place, as a virtual IP or a load balancer gives it. */
export class Address {
  readonly port: number
  readonly #sockets = new Set<Socket>()
  #target: number | null = null

  constructor(port: number) {
    this.port = port
  }

  /** Leads to another port from now on, or nowhere; open connections end. */
  lead(target: number | null): void {
    this.#target = target
    for (const socket of this.#sockets) socket.destroy()
  }

  async open(): Promise<this> {
    const server = createServer({ noDelay: true }, (client) => this.#join(client))
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    cleanUp(async () => {
      server.close()
      this.lead(null)
    })
    return this
  }

  #join(client: Socket): void {
    if (this.#target === null) {
      client.destroy()
      return
    }
    const behind = connect({ port: this.#target, host: '127.0.0.1', noDelay: true })
    this.#pipe(client, behind)
    this.#pipe(behind, client)
  }

  #pipe(one: Socket, other: Socket): void {
    this.#sockets.add(one)
    one.pipe(other)
    one.on('error', () => undefined)
    one.on('close', () => {
      this.#sockets.delete(one)
      other.destroy()
    })
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { hasProgram } from '../../scripts/install-test-tools.ts'
import { until } from './processes.ts'
import { steadyPort } from './ports.ts'
import { RedisConnection, redisCommand, type Reply } from './resp.ts'
import { cleanUp } from './server.ts'

/** Real Redis servers for tests, which can be killed, held and brought back at the same port. They keep nothing on disk, and end with the test. */

const READY_MILLIS = 20_000
const SLOTS = 16_384
const MASTERS = 3

/** Whether this machine has the program redis-server. */
export const redisAvailable = (): boolean => hasProgram('redis-server')

/** For beforeEach: skips the test, with a reason, where there is no redis-server. In CI it fails instead. */
export function needsRedis(context: Pick<TestContext, 'skip'>): void {
  if (redisAvailable()) return
  const reason = 'this machine has no redis-server (apt-get install redis-server)'
  if (process.env['CI'] === 'true') throw new Error(`${reason}, and in CI nothing is skipped for that`)
  context.skip(reason)
}

/** A Redis of a test, at one port of 127.0.0.1 whether it runs or not. */
export class RedisServer {
  readonly port: number
  /** `redis://127.0.0.1:11000` */
  readonly url: string
  readonly #folder: string
  readonly #args: readonly string[]
  #child: ChildProcess | undefined
  #output = ''
  #paused = false

  constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port
    this.url = `redis://127.0.0.1:${port}`
    this.#folder = folder
    this.#args = args
  }

  /** Its process, or undefined when it doesn't run. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** Whether it runs and is not paused. */
  get runs(): boolean {
    return this.#child !== undefined && !this.#paused
  }

  /** Everything it wrote so far. */
  output(): string {
    return this.#output
  }

  /** Starts it, empty, and waits until it answers. Rejects with what it wrote when it doesn't. */
  async start(): Promise<void> {
    if (this.#child) throw new Error(`Redis at port ${this.port} runs already`)
    const settings = { port: this.port, bind: '127.0.0.1', dir: this.#folder, save: '', appendonly: 'no' }
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`])
    const child = spawn('redis-server', [...args, ...this.#args], {
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#paused = false
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-100_000)
      })
    child.once('error', () => this.#forget(child))
    child.once('exit', () => this.#forget(child))
    try {
      await until(async () => {
        if (this.#child !== child) throw new Error('it ended')
        return (await this.command('ping').catch(() => null)) === 'PONG'
      }, READY_MILLIS)
    } catch (error) {
      await this.kill()
      throw new Error(`Redis did not start (${(error as Error).message}):\n${this.#output}`, { cause: error })
    }
  }

  /** Ends it as an operator does (SIGTERM): it closes its connections. */
  stop(): Promise<void> {
    return this.#end('SIGTERM')
  }

  /** kill -9, also of one that is paused. */
  kill(): Promise<void> {
    return this.#end('SIGKILL')
  }

  /** Holds it: connections stay open, nothing is answered (SIGSTOP). */
  pause(): void {
    this.#paused = true
    this.#child?.kill('SIGSTOP')
  }

  /** Lets it go on (SIGCONT). */
  resume(): void {
    this.#paused = false
    this.#child?.kill('SIGCONT')
  }

  /** Forgets every key. */
  async flushAll(): Promise<void> {
    await this.command('flushall')
  }

  /** Sends one command by a connection of its own. */
  command(...words: readonly (string | number)[]): Promise<Reply> {
    return redisCommand(this.port, ...words)
  }

  /** A connection that ends with the test. */
  connect(): RedisConnection {
    const connection = new RedisConnection(this.port)
    cleanUp(() => connection.close())
    return connection
  }

  #forget(child: ChildProcess): void {
    if (this.#child === child) this.#child = undefined
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined) return
    const gone = once(child, 'exit')
    child.kill(signal)
    if (signal !== 'SIGKILL') child.kill('SIGCONT')
    await gone
  }
}

async function makeRedis(port: number, args: readonly string[]): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'qtable-redis-'))
  const redis = new RedisServer(port, folder, args)
  cleanUp(async () => {
    await redis.kill()
    await rm(folder, { recursive: true, force: true })
  })
  return redis
}

/** Starts a Redis that ends with the test. `args`: more of its settings, like `['--maxmemory', '10mb']`. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const redis = await makeRedis(await steadyPort(), args)
  await redis.start()
  return redis
}

// ---------------------------------------------------------------- a cluster

/** Three masters that share the slots, none with a replica. While one is away, the others serve their own slots. */
export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
  /** Where its nodes are, as one text: `redis://127.0.0.1:11000,redis://127.0.0.1:11001,…`. */
  readonly urls: string
  /** Waits until every node that runs says that the cluster is ok and which nodes are there: those that run. (When two are away the one left is no majority, and never says ok.) */
  settled(): Promise<void>
  /** Forgets every key, on every node that runs. */
  flushAll(): Promise<void>
}

/** Starts a Redis cluster that ends with the test. `nodeTimeoutMillis`: after what silence the others take a node for dead. */
export async function startRedisCluster(
  nodeTimeoutMillis = 2_000,
  args: readonly string[] = [],
): Promise<RedisCluster> {
  const settings = {
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': nodeTimeoutMillis,
    'cluster-require-full-coverage': 'no',
    'cluster-announce-ip': '127.0.0.1',
  }
  const given = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`])
  const nodes: RedisServer[] = []
  for (let n = 0; n < MASTERS; n++) nodes.push(await makeRedis(await steadyPort(true), [...given, ...args]))
  await Promise.all(nodes.map((node) => node.start()))
  const share = Math.ceil(SLOTS / MASTERS)
  for (const [n, node] of nodes.entries()) {
    const slots = Array.from({ length: Math.min(share, SLOTS - n * share) }, (_, slot) => n * share + slot)
    await node.command('cluster', 'addslots', ...slots)
    await node.command('cluster', 'set-config-epoch', n + 1)
  }
  for (const other of nodes.slice(1)) await nodes[0]!.command('cluster', 'meet', '127.0.0.1', other.port)
  const cluster: RedisCluster = {
    nodes,
    urls: nodes.map(({ url }) => url).join(','),
    settled: () => until(() => isSettled(nodes), READY_MILLIS),
    flushAll: async () => {
      for (const node of running(nodes)) await node.flushAll()
    },
  }
  await cluster.settled()
  return cluster
}

const running = (nodes: readonly RedisServer[]) => nodes.filter(({ runs }) => runs)

async function isSettled(nodes: readonly RedisServer[]): Promise<boolean> {
  for (const node of running(nodes)) {
    const info = String(await node.command('cluster', 'info').catch(() => ''))
    if (!info.includes('cluster_state:ok') || !info.includes(`cluster_slots_assigned:${SLOTS}`)) return false
    // <id> <ip:port@bus> <flags> <master> <ping> <pong> <epoch> <link> <slots>
    const text = String(await node.command('cluster', 'nodes').catch(() => ''))
    const lines = text
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
    const known = nodes.map((each) => lines.find(([, address]) => address?.includes(`:${each.port}@`)))
    const agreed = nodes.every(({ runs }, n) => {
      const [, , flags = '', , , , , link] = known[n] ?? []
      return runs ? !/fail|handshake/.test(flags) && link === 'connected' : flags.split(',').includes('fail')
    })
    if (lines.length !== MASTERS || !agreed) return false
  }
  return true
}

import cluster, { type Worker } from 'node:cluster'
import { extname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { limits } from '../platform/limits.ts'
import type { Logger } from '../platform/observability/log.ts'
import type { QuestionWord } from './ask-processes.ts'
import { QuestionRelay } from './question-relay.ts'

/**
 * Several processes on one port. The first one starts the others, restarts those that die, and relays their messages.
 */

/** Messages of the processes to the first one. */
type Word =
  | { readonly say: 'watch'; readonly topic: string }
  | { readonly say: 'unwatch'; readonly topic: string }
  | { readonly say: 'tell'; readonly topic: string; readonly text: string }
  | QuestionWord

/** The first process. It serves nothing itself. */
export class Processes {
  readonly #count: number
  readonly #env: NodeJS.ProcessEnv
  readonly #log: Logger
  readonly #watching = new Map<string, Set<Worker>>()
  readonly #leaving = new Set<Worker>()
  readonly #questions = new QuestionRelay(() => this.#workers())
  #restarting: Promise<void> = Promise.resolve()
  #closed = false

  /** `env`: settings of the others, in addition to this process's own. */
  constructor(count: number, env: Record<string, string>, log: Logger) {
    this.#count = count
    this.#env = env
    this.#log = log
    // Compiled or not: beside this file's folder, with its ending.
    const entry = new URL(`../start-worker${extname(import.meta.url)}`, import.meta.url)
    cluster.setupPrimary({ exec: fileURLToPath(entry) })
    cluster.on('exit', (worker, code, signal) => void this.#onExit(worker, code ?? 0, signal))
    cluster.on('message', (worker, word: Word) => this.#onWord(worker, word))
  }

  /** Starts all processes. Resolves when each is serving. Rejects when one ends instead. */
  async start(): Promise<void> {
    const started = Promise.all(Array.from({ length: this.#count }, () => this.#startOne()))
    this.#restarting = started.then(
      () => undefined,
      () => undefined,
    )
    await started
  }

  /**
   * Replaces one process after the other, so that some are always serving. Rolling restarts requested meanwhile
   * follow this one.
   */
  restart(): Promise<void> {
    this.#restarting = this.#restarting.then(() => this.#replaceAll())
    return this.#restarting
  }

  /** Stops all of them. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#workers().map((worker) => this.#end(worker)))
  }

  #workers(): Worker[] {
    return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
  }

  async #startOne(): Promise<void> {
    const worker = cluster.fork(this.#env)
    // A message went to a process that has just died. Its exit is handled separately.
    worker.on('error', () => undefined)
    await new Promise<void>((resolve, reject) => {
      worker.once('listening', () => resolve())
      worker.once('exit', () => reject(new Error('a process ended before it was serving')))
    })
  }

  async #replaceAll(): Promise<void> {
    for (const old of this.#workers()) {
      if (this.#closed) return
      try {
        await this.#startOne()
      } catch (error) {
        this.#log.error({ err: error }, 'the new process does not serve: the old ones stay')
        return
      }
      await this.#end(old)
    }
    this.#log.info({ processes: this.#count }, 'all processes are new')
  }

  async #end(worker: Worker): Promise<void> {
    this.#leaving.add(worker)
    if (worker.isDead()) return
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    worker.process.kill('SIGTERM')
    const late = setTimeout(() => worker.process.kill('SIGKILL'), limits.stopMillis + 4_000)
    await gone
    clearTimeout(late)
  }

  async #onExit(worker: Worker, code: number, signal: string | null): Promise<void> {
    for (const watching of this.#watching.values()) watching.delete(worker)
    this.#questions.forget(worker)
    if (this.#leaving.delete(worker) || this.#closed) return
    this.#log.error({ pid: worker.process.pid, code, signal }, 'a process died; starting another')
    for (
      let wait: number = limits.processRetryMillis;
      !this.#closed;
      wait = Math.min(2 * wait, limits.processRetryMaxMillis)
    ) {
      try {
        return await this.#startOne()
      } catch {
        // The failure was logged when it died. Its exit does not start another one, because it never served.
        await sleep(wait)
      }
    }
  }

  #onWord(from: Worker, word: Word): void {
    if (word.say === 'watch') {
      const watching = this.#watching.get(word.topic) ?? new Set()
      this.#watching.set(word.topic, watching.add(from))
    } else if (word.say === 'unwatch') {
      const watching = this.#watching.get(word.topic)
      watching?.delete(from)
      if (watching?.size === 0) this.#watching.delete(word.topic)
    } else if (word.say === 'tell') {
      for (const worker of this.#watching.get(word.topic) ?? [])
        if (worker !== from && worker.isConnected()) worker.send(word)
    } else this.#questions.take(from, word)
  }
}

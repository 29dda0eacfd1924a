import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** A process of a bench, which is asked one thing at a time. */
export class Process {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** Starts a program of this folder, by its name without `.ts`. */
  static start(program: string, args: readonly string[] = [], options: readonly string[] = []): Process {
    // A profile of what is measured is not one of what measures it.
    const execArgv = [...process.execArgv.filter((arg) => !/prof/.test(arg)), ...options]
    const url = new URL(`./${program}.ts`, import.meta.url)
    return new Process(fork(url, args, { execArgv, serialization: 'advanced' }))
  }

  /** What it says next. Throws after ten minutes, or when it has ended before. */
  async next<Answer>(): Promise<Answer> {
    const patience = new AbortController()
    const gone = () => patience.abort(new Error('A process of the bench ended before it answered'))
    const late = setTimeout(() => patience.abort(new Error('A process of the bench gives no answer')), 600_000)
    this.#child.once('exit', gone)
    try {
      return ((await once(this.#child, 'message', { signal: patience.signal })) as [Answer])[0]
    } catch (error) {
      throw patience.signal.aborted ? patience.signal.reason : error
    } finally {
      clearTimeout(late)
      this.#child.off('exit', gone)
    }
  }

  async ask<Answer>(order: unknown): Promise<Answer> {
    const answer = this.next<Answer>()
    this.#child.send(order as object)
    return answer
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.disconnect()
    await gone
  }
}

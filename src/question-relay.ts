import type { Worker } from 'node:cluster'
import { counted, together } from './platform/exposition.ts'
import { limits } from './platform/limits.ts'
import type { Figures } from './platform/meter.ts'
import { metrics } from './platform/metrics.ts'
import { FIGURES, type QuestionWord } from './platform/questions.ts'

const table = Object.values(metrics)

interface Asked {
  readonly question: string
  readonly answers: Map<Worker, unknown>
  readonly awaited: Set<Worker>
  done(): void
}

/** The side of the process that started the others: hands questions on and puts answers together. */
export class QuestionRelay {
  readonly #asked = new Map<number, Asked>()
  readonly #latest = new Map<Worker, Figures>()
  #gone: Figures = {}
  #next = 1

  /** Takes what a process says, if it is about questions. `all`: those that serve. */
  take(from: Worker, word: QuestionWord, all: readonly Worker[]): void {
    if (word.say === 'ask') this.#ask(from, word.id, word.question, all)
    else if (word.say === 'answer') this.#answer(from, word.id, word.answer)
  }

  /** A process is gone: nobody waits for it, and what it counted, as far as it has told, is kept. */
  forget(worker: Worker): void {
    const latest = this.#latest.get(worker)
    this.#latest.delete(worker)
    if (latest) this.#gone = together(table, [this.#gone, counted(table, latest)])
    for (const asked of this.#asked.values()) this.#noMore(asked, worker)
  }

  #ask(from: Worker, theirId: number, question: string, all: readonly Worker[]): void {
    const id = this.#next++
    const late = setTimeout(() => this.#asked.get(id)?.done(), limits.figuresMillis)
    const asked: Asked = {
      question,
      answers: new Map(),
      awaited: new Set(all.filter((worker) => worker.isConnected())),
      done: () => {
        clearTimeout(late)
        this.#asked.delete(id)
        const answers = [...asked.answers.values(), ...(question === FIGURES ? [this.#gone] : [])]
        if (from.isConnected()) from.send({ say: 'answers', id: theirId, answers })
      },
    }
    this.#asked.set(id, asked)
    for (const worker of asked.awaited) worker.send({ say: 'ask', id, question })
  }

  #answer(from: Worker, id: number, answer: unknown): void {
    const asked = this.#asked.get(id)
    if (!asked) return
    asked.answers.set(from, answer)
    if (asked.question === FIGURES) this.#latest.set(from, answer as Figures)
    this.#noMore(asked, from)
  }

  #noMore(asked: Asked, worker: Worker): void {
    if (asked.awaited.delete(worker) && asked.awaited.size === 0) asked.done()
  }
}

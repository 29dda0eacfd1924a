import { wallMillis } from '../platform/clock.ts'
import { limits } from '../platform/limits.ts'
import type { ParentLine } from './sibling-topics.ts'
import { every } from '../platform/shared-timer.ts'

/**
 * Questions that one process asks all processes of this machine, itself included, through the first process; for
 * example, their figures.
 */

/** The messages about questions, in both directions. */
export type QuestionWord =
  | { readonly say: 'ask'; readonly id: number; readonly question: string }
  | { readonly say: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly say: 'answers'; readonly id: number; readonly answers: readonly unknown[] }
  | { readonly say: 'follow' | 'unfollow'; readonly question: string }
  | { readonly say: 'followed'; readonly question: string; readonly answers: readonly unknown[]; readonly at: number }

/**
 * Receives the answers to a periodic question, and their time: milliseconds since 1970, the same for all processes.
 */
export type Follow = (answers: readonly unknown[], at: number) => void

/** How this process answers questions, and asks them. */
export interface Questions {
  /** Sets how this process answers a question. */
  answer(question: string, answer: () => Promise<unknown>): void
  /** The answers of all processes. A silent process has none. */
  ask(question: string): Promise<readonly unknown[]>
  /**
   * Asks all processes a question every `limits.opsSampleMillis`, once for all processes that follow it. So the cost
   * grows with their number, not with its square. One follower per process and question.
   */
  follow(question: string, hear: Follow): void
  unfollow(question: string): void
}

/** A single process asks itself. */
export class OwnQuestions implements Questions {
  readonly #answers = new Map<string, () => Promise<unknown>>()
  readonly #followed = new Map<string, () => void>()

  answer(question: string, answer: () => Promise<unknown>): void {
    this.#answers.set(question, answer)
  }

  async ask(question: string): Promise<readonly unknown[]> {
    const answer = this.#answers.get(question)
    return answer ? [await answer()] : []
  }

  follow(question: string, hear: Follow): void {
    const round = () =>
      void this.ask(question).then(
        (answers) => hear(answers, Math.round(wallMillis())),
        // A silent process.
        () => hear([], Math.round(wallMillis())),
      )
    this.unfollow(question)
    this.#followed.set(question, every(limits.opsSampleMillis, round))
  }

  unfollow(question: string): void {
    this.#followed.get(question)?.()
    this.#followed.delete(question)
  }
}

/** One of several processes. */
export class SiblingQuestions implements Questions {
  readonly #line: ParentLine
  readonly #own = new OwnQuestions()
  readonly #waiting = new Map<number, (answers: readonly unknown[]) => void>()
  readonly #followed = new Map<string, Follow>()
  #next = 1

  constructor(line: ParentLine) {
    this.#line = line
    line.onMessage((message) => this.#onWord(message as QuestionWord))
  }

  answer(question: string, answer: () => Promise<unknown>): void {
    this.#own.answer(question, answer)
  }

  async ask(question: string): Promise<readonly unknown[]> {
    const id = this.#next++
    const answers = new Promise<readonly unknown[]>((resolve) => {
      // The first process may have died. Then this process's own answer is the only one.
      const late = setTimeout(() => void this.#own.ask(question).then(resolve), 2 * limits.figuresMillis).unref()
      this.#waiting.set(id, (found) => {
        clearTimeout(late)
        resolve(found)
      })
    })
    this.#line.send({ say: 'ask', id, question })
    return answers.finally(() => this.#waiting.delete(id))
  }

  follow(question: string, hear: Follow): void {
    this.#followed.set(question, hear)
    this.#line.send({ say: 'follow', question })
  }

  unfollow(question: string): void {
    this.#followed.delete(question)
    this.#line.send({ say: 'unfollow', question })
  }

  #onWord(word: QuestionWord): void {
    if (word.say === 'answers') this.#waiting.get(word.id)?.(word.answers)
    else if (word.say === 'followed') this.#followed.get(word.question)?.(word.answers, word.at)
    else if (word.say === 'ask')
      void this.#own.ask(word.question).then(([answer]) => {
        if (answer !== undefined) this.#line.send({ say: 'answer', id: word.id, answer })
      })
  }
}

/** The name of the question for figures. The figures of ended processes are added to its answers. */
export const FIGURES = 'figures'

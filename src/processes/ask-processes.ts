import { wallMillis } from '../platform/clock.ts'
import { limits } from '../platform/limits.ts'
import type { ParentLine } from './sibling-topics.ts'
import { every } from '../platform/shared-timer.ts'

/** Questions that one process asks all processes of this machine, itself included, over the one that started them: what each counts, say. */

/** What is said about questions, either way. */
export type QuestionWord =
  | { readonly say: 'ask'; readonly id: number; readonly question: string }
  | { readonly say: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly say: 'answers'; readonly id: number; readonly answers: readonly unknown[] }
  | { readonly say: 'follow' | 'unfollow'; readonly question: string }
  | { readonly say: 'followed'; readonly question: string; readonly answers: readonly unknown[]; readonly at: number }

/** Hears the answers to a question that is asked again and again, and when they were there: milliseconds since 1970, the same for all processes. */
export type Follow = (answers: readonly unknown[], at: number) => void

/** How this process answers questions, and asks them of all. */
export interface Questions {
  /** Says how a question is answered here. */
  answer(question: string, answer: () => Promise<unknown>): void
  /** The answers of all processes; of one that is silent none. */
  ask(question: string): Promise<readonly unknown[]>
  /**
   * Has a question asked of all every `limits.opsSampleMillis`, once for all processes that follow it: what that costs grows with their number, not with its square. One
   * follower a process and question.
   */
  follow(question: string, hear: Follow): void
  unfollow(question: string): void
}

/** Where there is one process, it asks itself. */
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
        // One that is silent.
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
      // Whoever started this process may be gone: then its own answer is the only one.
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

/** The name of the question what a process counts. What those counted that are gone is added to its answers. */
export const FIGURES = 'figures'

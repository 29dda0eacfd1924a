import { wallMillis } from '../platform/clock.ts'
import { counted, together } from '../platform/observability/exposition.ts'
import { limits } from '../platform/limits.ts'
import type { Figures } from '../platform/observability/meter.ts'
import { metrics } from '../platform/observability/metrics.ts'
import { FIGURES, type QuestionWord } from './ask-processes.ts'

const table = Object.values(metrics)

/** A serving process, as node:cluster has it. */
export interface Peer {
  isConnected(): boolean
  send(message: QuestionWord): unknown
}

interface Asked {
  readonly question: string
  readonly answers: Map<Peer, unknown>
  readonly awaited: Set<Peer>
  done(): void
}

/** The first process's side: it passes questions on and combines the answers. */
export class QuestionRelay {
  readonly #peers: () => readonly Peer[]
  readonly #everyMillis: number
  readonly #asked = new Map<number, Asked>()
  readonly #latest = new Map<Peer, Figures>()
  readonly #followers = new Map<string, Set<Peer>>()
  #timer: NodeJS.Timeout | null = null
  #gone: Figures = {}
  #next = 1

  /** `peers`: the serving processes. `everyMillis`: the period of followed questions. */
  constructor(peers: () => readonly Peer[], everyMillis: number = limits.opsSampleMillis) {
    this.#peers = peers
    this.#everyMillis = everyMillis
  }

  /** Handles a message of a process, if it is about questions. */
  take(from: Peer, word: QuestionWord): void {
    if (word.say === 'ask') this.#ask(word.question, (answers) => tell(from, { say: 'answers', id: word.id, answers }))
    else if (word.say === 'answer') this.#answer(from, word.id, word.answer)
    else if (word.say === 'follow') this.#follow(from, word.question)
    else if (word.say === 'unfollow') this.#unfollow(from, word.question)
  }

  /** A process has ended: nobody waits for it, and its last reported figures are kept. */
  forget(peer: Peer): void {
    const latest = this.#latest.get(peer)
    this.#latest.delete(peer)
    if (latest) this.#gone = together(table, [this.#gone, counted(table, latest)])
    for (const asked of this.#asked.values()) {
      // It has ended meanwhile, and must not be counted twice.
      if (asked.question === FIGURES) asked.answers.delete(peer)
      this.#noMore(asked, peer)
    }
    for (const question of this.#followers.keys()) this.#unfollow(peer, question)
  }

  #ask(question: string, tellAll: (answers: readonly unknown[]) => void): void {
    const id = this.#next++
    const late = setTimeout(() => this.#asked.get(id)?.done(), limits.figuresMillis)
    const asked: Asked = {
      question,
      answers: new Map(),
      awaited: new Set(this.#peers().filter((peer) => peer.isConnected())),
      done: () => {
        clearTimeout(late)
        this.#asked.delete(id)
        tellAll([...asked.answers.values(), ...(question === FIGURES ? [this.#gone] : [])])
      },
    }
    this.#asked.set(id, asked)
    for (const peer of asked.awaited) peer.send({ say: 'ask', id, question })
  }

  #answer(from: Peer, id: number, answer: unknown): void {
    const asked = this.#asked.get(id)
    if (!asked) return
    asked.answers.set(from, answer)
    if (asked.question === FIGURES) this.#latest.set(from, answer as Figures)
    this.#noMore(asked, from)
  }

  #noMore(asked: Asked, peer: Peer): void {
    if (asked.awaited.delete(peer) && asked.awaited.size === 0) asked.done()
  }

  #follow(from: Peer, question: string): void {
    this.#followers.set(question, (this.#followers.get(question) ?? new Set<Peer>()).add(from))
    this.#timer ??= setInterval(() => this.#round(), this.#everyMillis).unref()
  }

  #unfollow(from: Peer, question: string): void {
    const followers = this.#followers.get(question)
    followers?.delete(from)
    if (followers?.size === 0) this.#followers.delete(question)
    if (this.#followers.size > 0 || !this.#timer) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  /**
   * Asks the followed questions, once for all followers. Figures are passed on as one sum: sending those of each
   * process to each would grow with the square of their number.
   */
  #round(): void {
    for (const [question, followers] of this.#followers)
      this.#ask(question, (all) => {
        const answers = question === FIGURES ? [together(table, all as Figures[])] : all
        const at = Math.round(wallMillis())
        for (const follower of followers) tell(follower, { say: 'followed', question, answers, at })
      })
  }
}

function tell(peer: Peer, word: QuestionWord): void {
  if (peer.isConnected()) peer.send(word)
}

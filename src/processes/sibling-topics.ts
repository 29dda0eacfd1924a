import type { TopicFigures, Topics } from '../platform/redis.ts'

/** The line to the first process, as node:process has it. */
export interface ParentLine {
  send(message: object): void
  onMessage(hear: (message: unknown) => void): void
}

/** Topics among the processes of one machine, carried by the first one (processes/processes.ts). */
export class SiblingTopics implements Topics {
  readonly #line: ParentLine
  readonly #hearers = new Map<string, (text: string) => void>()
  #published = 0
  #heard = 0

  constructor(line: ParentLine) {
    this.#line = line
    line.onMessage((message) => {
      const { say, topic, text } = message as { say?: unknown; topic?: unknown; text?: unknown }
      if (say !== 'tell' || typeof topic !== 'string' || typeof text !== 'string') return
      this.#heard++
      this.#hearers.get(topic)?.(text)
    })
  }

  get figures(): TopicFigures {
    const { size } = this.#hearers
    return { connected: true, topics: size, published: this.#published, heard: this.#heard, forgotten: 0 }
  }

  publish(topic: string, text: string): void {
    this.#published++
    this.#line.send({ say: 'tell', topic, text })
  }

  subscribe(topic: string, hear: (text: string) => void): void {
    this.#hearers.set(topic, hear)
    this.#line.send({ say: 'watch', topic })
  }

  unsubscribe(topic: string): void {
    this.#hearers.delete(topic)
    this.#line.send({ say: 'unwatch', topic })
  }

  async close(): Promise<void> {
    this.#hearers.clear()
  }
}

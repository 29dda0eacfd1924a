import { isId, newId } from '../platform/ids.ts'
import { limits } from '../platform/limits.ts'
import type { Topics } from '../platform/redis.ts'
import { readTraceparent, traceparentOf } from '../platform/tracing.ts'
import type { Commits } from './commits.ts'
import type { Hub } from './hub.ts'
import type { Wire } from './room.ts'
import type { Change } from './log.ts'

/**
 * Word of changes between processes: where a log stands now, and the change itself when it is small. Nothing is decided by it. What is lost costs the
 * time until the hub's next poll; what comes twice or late is dropped by the hub. On the wire: sender, epoch, seq, the moment of the commit in microseconds with the traceparent of whoever
 * did it (`@1795550400123456/00-…`; optional), and the change's JSON or nothing, with spaces between.
 */
export class Hints implements Wire {
  readonly #topics: Topics
  readonly #hub: Hub
  readonly #self = newId()
  readonly #commits: Commits | undefined

  constructor(topics: Topics, hub: Hub, commits?: Commits) {
    this.#topics = topics
    this.#commits = commits
    this.#hub = hub
    hub.connect(this)
  }

  /** Tells the other processes of a change that was committed here. */
  tell(change: Change): void {
    const json = JSON.stringify(change)
    const body = json.length <= limits.hintCharacters ? json : ''
    this.#topics.publish(
      topicOf(change.restaurantId),
      `${this.#self} ${change.epoch} ${change.seq} ${this.#moment(change)}${body}`,
    )
  }

  #moment({ at }: Change): string {
    if (!this.#commits) return ''
    const span = this.#commits.spanOf(at)
    return `@${Math.round(this.#commits.millisOf(at) * 1000)}${span ? `/${traceparentOf(span)}` : ''} `
  }

  watch(restaurantId: string): void {
    this.#topics.subscribe(topicOf(restaurantId), (text) => this.#hear(restaurantId, text))
  }

  unwatch(restaurantId: string): void {
    this.#topics.unsubscribe(topicOf(restaurantId))
  }

  #hear(restaurantId: string, text: string): void {
    const [, sender, epoch, digits, micros, parent, json] = HINT.exec(text) ?? []
    if (sender === undefined || sender === this.#self || !isId(epoch!)) return
    const seq = Number(digits)
    if (!this.#hub.awaits(restaurantId, epoch!, seq)) return
    const change = json === '' ? null : changeIn(json!)
    if (change?.restaurantId === restaurantId && change.seq === seq && change.epoch === epoch) {
      if (micros !== undefined) this.#commits?.made(change, readTraceparent(parent), Number(micros) / 1000)
      this.#hub.publish(change)
    } else this.#hub.hint(restaurantId, epoch!, seq)
  }
}

const HINT = /^(\S+) (\S+) (\d{1,15}) (?:@(\d{1,17})(?:\/([\w-]{55}))? )?(.*)$/s

const topicOf = (restaurantId: string): string => `qtable:changes:${restaurantId}`

function changeIn(json: string): Change | null {
  try {
    return JSON.parse(json) as Change
  } catch {
    return null
  }
}

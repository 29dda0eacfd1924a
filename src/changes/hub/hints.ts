import { timingSafeEqual } from 'node:crypto'
import { elapsedMillis } from '../../platform/clock.ts'
import { isId, newId } from '../../platform/ids.ts'
import { keyedHash, type KeyedHash } from '../../platform/keyed-hash.ts'
import { limits } from '../../platform/limits.ts'
import type { Logger } from '../../platform/observability/log.ts'
import type { Topics } from '../../platform/redis.ts'
import { readTraceparent, traceparentOf } from '../../platform/observability/tracing.ts'
import type { Commits } from '../commits.ts'
import type { Hub } from './hub.ts'
import type { Wire } from './room.ts'
import type { Change } from '../log/log.ts'

const SEAL_BYTES = 16

/** What hints need. `secretKey`: the server's, the same in every process. */
export interface HintDeps {
  readonly topics: Topics
  readonly hub: Hub
  readonly secretKey: string
  readonly log: Logger
  readonly commits?: Commits
}

/**
 * Word of changes between processes: where a log stands now, and the change itself when it is small. Nothing is decided by it. What is lost costs the
 * time until the hub's next poll; what comes twice or late is dropped by the hub. Whoever can write to Redis could put anything into a topic, and what a hint
 * holds is shown to devices: so each is sealed with the servers' key, for the topic that it is in. See docs/decisions/0016.
 *
 * On the wire: the seal, sender, epoch, seq, the moment of the commit in microseconds with the traceparent of whoever
 * did it (`@1795550400123456/00-…`; optional), and the change's JSON or nothing, with spaces between.
 */
export class Hints implements Wire {
  readonly #topics: Topics
  readonly #hub: Hub
  readonly #hash: KeyedHash
  readonly #log: Logger
  readonly #self = newId()
  readonly #commits: Commits | undefined
  /** When a hint of another epoch was last looked into, by restaurant. */
  readonly #lookedAt = new Map<string, number>()
  #complainedAt = -Infinity
  #refused = 0

  constructor({ topics, hub, secretKey, log, commits }: HintDeps) {
    this.#topics = topics
    this.#commits = commits
    this.#hub = hub
    this.#log = log
    this.#hash = keyedHash(secretKey, 'word of changes')
    hub.connect(this)
  }

  /** Hints so far that were malformed or not sealed with this server's key. */
  get refused(): number {
    return this.#refused
  }

  /** Sends a hint of a change that was committed here to the other processes. */
  tell(change: Change): void {
    const json = JSON.stringify(change)
    const body = json.length <= limits.hintCharacters ? json : ''
    const topic = topicOf(change.restaurantId)
    const text = `${this.#self} ${change.epoch} ${change.seq} ${this.#moment(change)}${body}`
    this.#topics.publish(topic, `${this.#sealOf(topic, text).toString('base64url')} ${text}`)
  }

  #sealOf(topic: string, text: string): Buffer {
    return this.#hash(`${topic}\n${text}`).subarray(0, SEAL_BYTES)
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
    this.#lookedAt.delete(restaurantId)
  }

  #hear(restaurantId: string, text: string): void {
    const [, seal, sender, epoch, digits, micros, parent, json] = HINT.exec(text) ?? []
    if (seal === undefined || epoch === undefined || !isId(epoch)) return this.#complain()
    const seq = Number(digits)
    // A hint from this process, or one that says nothing new, is not worth checking its seal.
    if (sender === this.#self || !this.#hub.awaits(restaurantId, epoch, seq)) return
    if (!this.#isSealed(restaurantId, seal, text)) return this.#complain()
    if (this.#isTooSoon(restaurantId, epoch)) return
    const change = json === '' ? null : changeIn(json!)
    if (change?.restaurantId === restaurantId && change.seq === seq && change.epoch === epoch) {
      if (micros !== undefined) this.#commits?.made(change, readTraceparent(parent), Number(micros) / 1000)
      this.#hub.publish(change)
    } else this.#hub.hint(restaurantId, epoch, seq)
  }

  #isSealed(restaurantId: string, seal: string, text: string): boolean {
    const wanted = this.#sealOf(topicOf(restaurantId), text.slice(seal.length + 1))
    return timingSafeEqual(Buffer.from(seal, 'base64url'), wanted)
  }

  /** A replayed hint may name an epoch that is over: not every one of them causes a query. */
  #isTooSoon(restaurantId: string, epoch: string): boolean {
    const newest = this.#hub.newest(restaurantId)
    if (!newest || newest.epoch === epoch) return false
    const now = elapsedMillis()
    if (now - (this.#lookedAt.get(restaurantId) ?? -Infinity) < limits.otherEpochMillis) return true
    this.#lookedAt.set(restaurantId, now)
    return false
  }

  #complain(): void {
    this.#refused++
    const now = elapsedMillis()
    if (now - this.#complainedAt < limits.hintComplaintMillis) return
    this.#complainedAt = now
    this.#log.warn(
      'Redis brought word of a change that was not sealed with this SECRET_KEY; it is ignored. Have all servers the same key?',
    )
  }
}

// The seal has a fixed length, so the rest is what it seals.
const HINT = /^([\w-]{22}) (\S+) (\S+) (\d{1,15}) (?:@(\d{1,17})(?:\/([\w-]{55}))? )?(.*)$/s

const topicOf = (restaurantId: string): string => `qtable:changes:${restaurantId}`

function changeIn(json: string): Change | null {
  try {
    return JSON.parse(json) as Change
  } catch {
    return null
  }
}

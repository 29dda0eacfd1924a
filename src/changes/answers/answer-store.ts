import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import type { Store } from '../../platform/redis.ts'
import type { Place } from '../query.ts'

/**
 * A kept answer. `until`: when it ends although nothing was changed. `mark`: the part of its ETag besides the place.
 */
export interface Stored {
  readonly body: Buffer
  readonly until: Instant | null
  readonly mark: string
}

/**
 * Names the format of all answers by the API's description: a program version with other formats finds none of these.
 */
export const formOf = (api: object): string =>
  createHash('sha256').update(JSON.stringify(api)).digest('base64url').slice(0, 12)

const SEAL_BYTES = 16

/**
 * Answers in Redis, for other processes and the next start. The key has restaurant, shape, epoch, seq and hour, so a
 * found answer is never stale; a lost one is written again. Each is sealed with the server's key together with its
 * name, so an answer that somebody else put there, or moved, is ignored.
 */
export class AnswerStore {
  readonly #store: Store
  readonly #secretKey: string
  readonly #form: string

  /** `form`: the format of the answers; another version of this program has another one. */
  constructor(store: Store, secretKey: string, form: string) {
    this.#store = store
    this.#secretKey = secretKey
    this.#form = form
  }

  /** The stored answer at a place, or null. Never rejects, and waits `limits.storeMillis` at most. */
  async read(key: string, place: Place): Promise<Stored | null> {
    const name = this.#name(key, place)
    const kept = await this.#store.get(name)
    if (!kept || kept.length < SEAL_BYTES + 2) return null
    const [seal, text] = [kept.subarray(0, SEAL_BYTES), kept.subarray(SEAL_BYTES)]
    if (!timingSafeEqual(seal, this.#seal(name, text))) return null
    const end = text.indexOf(0x0a)
    const { until, mark } = JSON.parse(text.subarray(0, end).toString('utf8')) as Omit<Stored, 'body'>
    return { body: text.subarray(end + 1), until, mark }
  }

  /** Stores an answer for a while. Never waits, never throws. */
  write(key: string, place: Place, { body, until, mark }: Stored): void {
    const name = this.#name(key, place)
    const text = Buffer.concat([Buffer.from(`${JSON.stringify({ until, mark })}\n`), body])
    this.#store.set(name, Buffer.concat([this.#seal(name, text), text]), limits.answerStoreSeconds)
  }

  /** Removes all answers whose key begins so, those of other versions of the program included. Never waits. */
  forget(prefix: string): void {
    this.#store.remove?.(`qtable:answer:*:${prefix}*`)
  }

  #name(key: string, { epoch, seq, hour }: Place): string {
    return `qtable:answer:${this.#form}:${key}:${epoch}.${seq}.${hour.slice(0, 13)}`
  }

  #seal(name: string, text: Buffer): Buffer {
    return createHmac('sha256', this.#secretKey)
      .update(`answer ${name}\n`)
      .update(text)
      .digest()
      .subarray(0, SEAL_BYTES)
  }
}

interface Kept {
  readonly store?: Store
  readonly secretKey: string
  readonly config: { readonly CACHE_MEGABYTES: number }
}

/** Where answers are kept: in memory, up to so many bytes, and in a store where there is one. */
export const storeOf = ({ store, secretKey, config }: Kept, api: object) => ({
  store: store ? new AnswerStore(store, secretKey, formOf(api)) : null,
  maxBytes: config.CACHE_MEGABYTES * 1e6,
})

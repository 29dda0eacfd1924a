import { elapsedMillis, fullHour, microsOf, type Clock, type Instant } from '../../platform/clock.ts'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import { every } from '../../platform/shared-timer.ts'
import type { AnswerStore, Stored } from './answer-store.ts'
import { compress, type Coding } from './compress.ts'
import { etagAt } from './etag.ts'
import type { End, Heads } from './heads.ts'
import type { LiveFloor } from '../floor/live-floor.ts'
import type { LiveFloors } from '../floor/live-floors.ts'
import type { Place } from '../query.ts'

/** What a shape writes. `until`: when it must be written anew though nothing was changed; `mark` then tells one from the other in the ETag. */
export interface Written {
  readonly body: string | Buffer
  readonly until?: Instant
  readonly mark?: string
}

type WrittenAt = Written & { readonly place: Place }

/** One way to answer from a restaurant's floor. Two with the same key answer the same at the same place. */
export interface Shape {
  readonly key: string
  /** Writes it from the floor in memory, without the database; what ended before `horizon` is left out. Null where the floor doesn't have it all. */
  readonly fromFloor: ((live: LiveFloor, now: Instant) => Written) | null
  /** Asks the database. Rejects where its answer would be older than `minSeq`. */
  fromDatabase(restaurantId: string, minSeq: number): Promise<WrittenAt>
}

/** How an answer came about. */
export type Found = 'hit' | 'made' | 'redis'

/** An answer as bytes. `coding` is what the body is in: small ones stay as they are. */
export interface Answer {
  readonly etag: string
  readonly body: Buffer
  readonly coding: Coding
  readonly found: Found
}

interface Entry extends Stored {
  readonly place: Place
  readonly restaurantId: string
  readonly found: Found
  readonly etag: string
  readonly madeAt: number
  /** When it is true though nothing is changed, in microseconds since 1970: from the beginning of its hour until its end or its own. */
  readonly from: number
  readonly to: number
  bytes: number
  /** When it was put behind all others in the order of their use, in microseconds since 1970. */
  usedAt: number
  readonly coded: Partial<Record<Coding, Promise<Buffer>>>
  /** Those of them that are done. */
  readonly ready: Partial<Record<Coding, Buffer>>
}

interface Making {
  readonly seq: number
  readonly entry: Promise<Entry>
}

/** What answers stand on. */
export interface AnswerDeps {
  readonly heads: Heads
  readonly floors: LiveFloors
  readonly clock: Clock
  /** Where other processes and the next start find answers, if there is such a place. */
  readonly store: AnswerStore | null
  /** Bytes of all answers in memory, at most. */
  readonly maxBytes: number
}

/**
 * Answers of reads, each written once for a place in the log. One is given again only while the log ends where it ended when the answer was written and the hour is
 * the same: so none is ever stale, whichever process made the last change. Bounded in bytes; what was not asked for longest goes first. Spec: K1 to K5.
 */
export class Answers {
  readonly #deps: AnswerDeps
  // In the order of their last use, to the second.
  readonly #entries = new Map<string, Entry>()
  readonly #making = new Map<string, Making>()
  /** Made a moment ago and not in the store yet. */
  readonly #unstored = new Set<string>()
  readonly #stopKeeping: (() => void) | null
  #bytes = 0
  #evictions = 0
  readonly #found: Record<Found, number> = { hit: 0, made: 0, redis: 0 }

  constructor(deps: AnswerDeps) {
    this.#deps = deps
    this.#stopKeeping = deps.store && every(limits.answerStoreMillis, () => this.#keep())
  }

  /** Bytes and number of answers in memory, those that had to go, and how answers came about since the start. */
  get figures(): { bytes: number; entries: number; evictions: number; found: Readonly<Record<Found, number>> } {
    return { bytes: this.#bytes, entries: this.#entries.size, evictions: this.#evictions, found: { ...this.#found } }
  }

  /**
   * The answer of a shape, at least as new as any change that was acknowledged before the call, or before the log was found to end at `told`. Rejects with `AppError`: busy when neither memory nor
   * the database can answer, and what the shape refuses with.
   */
  async get(restaurantId: string, shape: Shape, coding: Coding = 'identity', told?: End): Promise<Answer> {
    const key = keyOf(restaurantId, shape)
    const known = this.#deps.heads.known(restaurantId)
    if (known) this.#deps.floors.touch(restaurantId)
    const end = known ?? told ?? (await this.#end(restaurantId))
    const entry = this.#current(key, end)
    if (entry) return this.#give(key, entry, 'hit', coding)
    const renewed = await this.#renew(key, restaurantId, shape, end)
    return this.#give(key, renewed.entry, renewed.found, coding)
  }

  /** The answer of a shape, with its {@link keyOf}, for an end of the log, as {@link get} gives it, where that takes no waiting; else null. */
  atOnce(restaurantId: string, key: string, shape: Shape, coding: Coding, end: End): Answer | null {
    const current = this.#current(key, end)
    // What has to be compressed has to be waited for.
    const entry = current ?? (coding === 'identity' ? this.#makeAtOnce(key, restaurantId, shape, end) : null)
    if (!entry) return null
    const isPlain = coding === 'identity' || entry.body.length < limits.codedBytes
    const body = isPlain ? entry.body : entry.ready[coding]
    if (!body) return null
    this.#deps.floors.touch(restaurantId)
    const found = current ? 'hit' : 'made'
    this.#found[found]++
    return { etag: entry.etag, body, coding: isPlain ? 'identity' : coding, found }
  }

  /** Forgets everything and stops. */
  close(): void {
    this.#stopKeeping?.()
    this.#entries.clear()
    this.#bytes = 0
  }

  /** Where the log ends. A process that alone writes to its database knows that of the floors it follows. */
  async #end(restaurantId: string): Promise<End> {
    const { heads, floors } = this.#deps
    if (!heads.isSole) return heads.of(restaurantId)
    const { release } = await floors.hold(restaurantId)
    release()
    return heads.of(restaurantId)
  }

  /** The answer for an end of the log or a later one, made once for all who wait for it. */
  async #renew(key: string, restaurantId: string, shape: Shape, end: End): Promise<{ entry: Entry; found: Found }> {
    for (let attempt = 0; attempt < limits.transactionAttempts; attempt++) {
      let making = this.#making.get(key)
      if (!making || making.seq < end.seq) {
        const entry: Promise<Entry> = this.#make(key, restaurantId, shape, end).finally(() => {
          if (this.#making.get(key)?.entry === entry) this.#making.delete(key)
        })
        making = { seq: end.seq, entry }
        this.#making.set(key, making)
      }
      const made = await making.entry
      // Written while this was waited for: what time has passed since is on the way to the client.
      if (reaches(made.place, end)) return { entry: made, found: made.found }
      // The log began anew meanwhile.
      end = await this.#end(restaurantId)
    }
    throw new AppError('busy', 503, 'The floor changes faster than it can be read')
  }

  async #make(key: string, restaurantId: string, shape: Shape, end: End): Promise<Entry> {
    const { clock, store, floors } = this.#deps
    const at = { hour: fullHour(clock.now()), ...end }
    const stored = store && !floors.has(restaurantId) ? await store.read(key, at) : null
    if (stored && (stored.until === null || clock.now() < stored.until))
      return this.#enter(key, restaurantId, { place: at, ...stored }, 'redis')
    return this.#enterWritten(key, restaurantId, await this.#write(restaurantId, shape, end))
  }

  async #write(restaurantId: string, shape: Shape, end: End): Promise<WrittenAt> {
    if (!shape.fromFloor) return shape.fromDatabase(restaurantId, end.seq)
    const { floors, clock } = this.#deps
    const { live, release } = await floors.hold(restaurantId)
    try {
      await live.reach(end.seq)
      return writeFrom(live, shape.fromFloor, clock.now())
    } finally {
      release()
    }
  }

  /** Writes the answer for an end of the log from the floor in memory, where nothing has to be waited for; else null. */
  #makeAtOnce(key: string, restaurantId: string, shape: Shape, end: End): Entry | null {
    const { clock, floors } = this.#deps
    const live = floors.now(restaurantId)
    if (!shape.fromFloor || !live || !reaches(live.floor.standing, end)) return null
    return this.#enterWritten(key, restaurantId, writeFrom(live, shape.fromFloor, clock.now()))
  }

  #enterWritten(key: string, restaurantId: string, written: WrittenAt): Entry {
    const { place, body, until = null, mark = '' } = written
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const entry = this.#enter(key, restaurantId, { place, body: bytes, until, mark }, 'made')
    if (this.#deps.store && bytes.length <= limits.answerStoreBytes) this.#unstored.add(key)
    return entry
  }

  #enter(key: string, restaurantId: string, stored: Stored & { place: Place }, found: Found): Entry {
    const old = this.#entries.get(key)
    const etag = etagAt(stored.place, stored.mark)
    const bytes = stored.body.length + key.length + ENTRY_BYTES
    const from = microsOf(stored.place.hour)
    const hourEnds = from + HOUR_MICROS
    const to = stored.until === null ? hourEnds : Math.min(hourEnds, microsOf(stored.until))
    const times = { madeAt: elapsedMillis(), usedAt: this.#deps.clock.micros(), from, to }
    const entry: Entry = { restaurantId, etag, found, bytes, coded: {}, ready: {}, ...times, ...stored }
    // One that was begun earlier and ended later is of use to those who wait for it, to nobody else.
    if (old && old.place.epoch === entry.place.epoch && old.place.seq > entry.place.seq) return entry
    if (old) this.#forget(key, old)
    this.#entries.set(key, entry)
    this.#grow(bytes)
    return entry
  }

  /** The answer that is kept, where it is that of a log that ends there, at this time. It is in use then. */
  #current(key: string, end: End): Entry | null {
    const entry = this.#entries.get(key)
    if (!entry || !reaches(entry.place, end)) return null
    const now = this.#deps.clock.micros()
    if (now < entry.from || now >= entry.to) return null
    // To take a key out of a map and put it in again takes longer than to find it, and some are asked for a thousand times a second.
    if (now - entry.usedAt >= ORDER_MICROS) {
      entry.usedAt = now
      this.#entries.delete(key)
      this.#entries.set(key, entry)
    }
    return entry
  }

  async #give(key: string, entry: Entry, found: Found, wanted: Coding): Promise<Answer> {
    this.#found[found]++
    const { etag } = entry
    if (wanted === 'identity' || entry.body.length < limits.codedBytes)
      return { etag, body: entry.body, coding: 'identity', found }
    const coded = (entry.coded[wanted] ??= this.#code(key, entry, wanted))
    return { etag, body: await coded, coding: wanted, found }
  }

  async #code(key: string, entry: Entry, coding: Exclude<Coding, 'identity'>): Promise<Buffer> {
    const body = await compress[coding](entry.body)
    entry.ready[coding] = body
    entry.bytes += body.length
    if (this.#entries.get(key) === entry) this.#grow(body.length)
    return body
  }

  #grow(bytes: number): void {
    this.#bytes += bytes
    for (const [key, entry] of this.#entries) {
      if (this.#bytes <= this.#deps.maxBytes) return
      this.#forget(key, entry)
      this.#evictions++
    }
  }

  #forget(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
  }

  /** Hands over to the store what has stood for a while: what is written anew many times a second is of no use there. */
  #keep(): void {
    const before = elapsedMillis() - limits.answerStoreMillis / 2
    for (const key of this.#unstored) {
      const entry = this.#entries.get(key)
      if (entry && entry.madeAt > before) continue
      this.#unstored.delete(key)
      if (entry) this.#deps.store!.write(key, entry.place, entry)
    }
  }
}

// What an entry takes beside its body and its key, about.
const ENTRY_BYTES = 400
const HOUR_MICROS = 3_600_000_000
const ORDER_MICROS = 1_000_000

/** The key of a restaurant's answer. */
export const keyOf = (restaurantId: string, shape: Pick<Shape, 'key'>): string => `${restaurantId} ${shape.key}`

function writeFrom(live: LiveFloor, write: NonNullable<Shape['fromFloor']>, now: Instant): WrittenAt {
  const { epoch, seq } = live.floor.standing
  return { place: { epoch, seq, hour: fullHour(now) }, ...write(live, now) }
}

/** Whether a place is that of a log that ends there, or a later one: the end was asked for before the answer was written. */
const reaches = ({ epoch, seq }: End, end: End): boolean => seq >= end.seq && epoch === end.epoch

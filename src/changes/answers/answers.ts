import { elapsedMillis, fullHour, microsOf, type Clock, type Instant } from '../../platform/clock.ts'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import { every } from '../../platform/shared-timer.ts'
import type { AnswerStore, Stored } from './answer-store.ts'
import { compress, type Coding } from './compress.ts'
import { etagAt } from './etag.ts'
import type { End, Heads } from './heads.ts'
import type { Entry, Found, Making } from './kept-answer.ts'
import type { LiveFloor } from '../floor/live-floor.ts'
import type { LiveFloors } from '../floor/live-floors.ts'
import type { Place } from '../query.ts'

/** A shape's text. `until`: when it ends without a change; `mark` tells its versions apart in the ETag. */
export interface Written {
  readonly body: string | Buffer
  readonly until?: Instant
  readonly mark?: string
}

type WrittenAt = Written & { readonly place: Place }

/** One way to answer from a floor. Two with the same key give the same answer at the same place. */
export interface Shape {
  readonly key: string
  /** Writes it from the floor in memory, without what ended before `horizon`; null if the floor lacks something. */
  readonly fromFloor: ((live: LiveFloor, now: Instant) => Written) | null
  /** Reads the database. Rejects if its answer would be older than `minSeq`. */
  fromDatabase(restaurantId: string, minSeq: number): Promise<WrittenAt>
}

/** An answer as bytes. `coding`: the coding of the body; small ones stay as they are. */
export interface Answer {
  readonly etag: string
  readonly body: Buffer
  readonly coding: Coding
  readonly found: Found
}

/** What answers need. */
export interface AnswerDeps {
  readonly heads: Heads
  readonly floors: LiveFloors
  readonly clock: Clock
  /** The store of answers for other processes and the next start, if there is one. */
  readonly store: AnswerStore | null
  /** The most bytes of all answers in memory. */
  readonly maxBytes: number
}

/**
 * Answers of reads, each written once per place in the log. One is served only while the log ends there in the same
 * hour, so none is stale, whichever process made the last change. Bounded; the least recently used go first. Spec: K1
 * to K5.
 */
export class Answers {
  readonly #deps: AnswerDeps
  // In the order of their last use, with a resolution of one second.
  readonly #entries = new Map<string, Entry>()
  readonly #making = new Map<string, Making>()
  /** New answers that are not in the store yet. */
  readonly #unstored = new Set<string>()
  readonly #stopKeeping: (() => void) | null
  readonly #stopSweeping: () => void
  #bytes = 0
  #evictions = 0
  readonly #found: Record<Found, number> = { hit: 0, made: 0, redis: 0 }

  constructor(deps: AnswerDeps) {
    this.#deps = deps
    this.#stopKeeping = deps.store && every(limits.answerStoreMillis, () => this.#keep())
    this.#stopSweeping = every(limits.answerSweepMillis, () => this.#sweep())
  }

  /** Bytes and number of answers in memory, the evicted ones, and the sources since the start. */
  get figures(): { bytes: number; entries: number; evictions: number; found: Readonly<Record<Found, number>> } {
    return { bytes: this.#bytes, entries: this.#entries.size, evictions: this.#evictions, found: { ...this.#found } }
  }

  /**
   * The answer of a shape, at least as new as any change acknowledged before the call, or before the log ended at
   * `told`. Rejects with `AppError`: busy when neither memory nor the database can answer, and the refusals of the
   * shape.
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

  /** The answer of a shape for an end of the log, as from {@link get}; null if that needs waiting. */
  atOnce(restaurantId: string, key: string, shape: Shape, coding: Coding, end: End): Answer | null {
    const current = this.#current(key, end)
    // Compression has to be awaited.
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

  /** Forgets the answers of a restaurant, here and in the store. */
  forget(restaurantId: string): void {
    for (const [key, entry] of this.#entries) if (entry.restaurantId === restaurantId) this.#forget(key, entry)
    this.#deps.store?.forget(keyOf(restaurantId, { key: '' }))
  }

  /** Forgets everything and stops. */
  close(): void {
    this.#stopSweeping()
    this.#stopKeeping?.()
    this.#entries.clear()
    this.#bytes = 0
  }

  /** Where the log ends. A process alone on its database knows it from the floors that it follows. */
  async #end(restaurantId: string): Promise<End> {
    const { heads, floors } = this.#deps
    if (!heads.isSole) return heads.of(restaurantId)
    const { release } = await floors.hold(restaurantId)
    release()
    return heads.of(restaurantId)
  }

  /** The answer for this end of the log or a later one, made once for all who wait for it. */
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
      // It was written during this wait: the time since then counts as time on the way to the client.
      if (reaches(made.place, end)) return { entry: made, found: made.found }
      // The log started over meanwhile.
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

  /** Writes the answer for an end of the log from the floor in memory; null if that needs waiting. */
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
    // One that was started earlier and finished later is used only for those who wait for it.
    if (old && old.place.epoch === entry.place.epoch && old.place.seq > entry.place.seq) return entry
    if (old) this.#forget(key, old)
    this.#entries.set(key, entry)
    this.#grow(bytes)
    return entry
  }

  /** The kept answer, if it belongs to this end of the log, at this time. This counts as a use. */
  #current(key: string, end: End): Entry | null {
    const entry = this.#entries.get(key)
    if (!entry || !reaches(entry.place, end)) return null
    const now = this.#deps.clock.micros()
    if (now < entry.from || now >= entry.to) return null
    // Moving a key to the end of a map is slower than finding it, and some are requested a thousand times a second.
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

  /** Forgets answers that ended by themselves: nobody will be served one. */
  #sweep(): void {
    const now = this.#deps.clock.micros()
    for (const [key, entry] of this.#entries) if (now >= entry.to) this.#forget(key, entry)
  }

  /** Stores answers that have stood for a while. One that changes many times a second is useless there. */
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

// The rough size of an entry beside its body and its key.
const ENTRY_BYTES = 400
const HOUR_MICROS = 3_600_000_000
const ORDER_MICROS = 1_000_000

/** The key of a restaurant's answer. */
export const keyOf = (restaurantId: string, shape: Pick<Shape, 'key'>): string => `${restaurantId} ${shape.key}`

function writeFrom(live: LiveFloor, write: NonNullable<Shape['fromFloor']>, now: Instant): WrittenAt {
  const { epoch, seq } = live.floor.standing
  return { place: { epoch, seq, hour: fullHour(now) }, ...write(live, now) }
}

/** Whether a place belongs to this end of the log, or a later one, which was read before the answer was written. */
const reaches = ({ epoch, seq }: End, end: End): boolean => seq >= end.seq && epoch === end.epoch

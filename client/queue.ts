import { backoff } from './backoff.ts'
import { limits } from './limits.ts'
import type { Conflict, Mutation, Verdict } from './mutations.ts'
import type { Pending, Place, Queued, Settled } from './queued.ts'
import type { Op } from './storage.ts'
import type { Surroundings } from './surroundings.ts'
import { ClientError } from './words.ts'

export interface QueueDeps {
  readonly at: Surroundings
  /** Before the keys of this account. */
  readonly prefix: string
  readonly send: (mutation: Mutation) => Promise<Verdict>
  /** The epoch of the state held now. */
  readonly epoch: () => string | null
  readonly instant: () => string
  /** Called when anything of it changed. */
  readonly changed: () => void
}

/**
 * What people did on this device and the server has not decided yet, in their order. Each is stored before it is sent, sent alone, with its own key, until there
 * is an answer. Answer and removal are one write: a crash before it sends the mutation again and gets the same answer. A refused one becomes a conflict,
 * as data, and the next is sent. Spec: D6 to D8.
 */
export class Queue {
  readonly #deps: QueueDeps
  #queued: Queued[] = []
  /** The same by their mutations' ids: each change that this device missed is looked up. */
  readonly #byId = new Map<string, Queued>()
  #conflicts = new Map<string, Conflict>()
  #counter = 0
  #isRunning = false
  #isDraining = false
  #sending: Queued | null = null
  #failures = 0
  #wake: (() => void) | null = null

  constructor(deps: QueueDeps, stored: ReadonlyMap<string, unknown>) {
    this.#deps = deps
    for (const [key, value] of [...stored].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (key.startsWith(`${deps.prefix}mutation/`)) {
        const {
          place = null,
          isUnsure = false,
          ...mutation
        } = value as Mutation & { place?: Place; isUnsure?: boolean }
        this.#append({ key, mutation, isStored: true, isSent: isUnsure, place })
        this.#counter = Math.max(this.#counter, Number(key.slice(-12)) + 1)
      }
      if (key.startsWith(`${deps.prefix}conflict/`)) {
        const conflict = value as Conflict
        this.#conflicts.set(conflict.mutation.id, conflict)
      }
    }
    // They are sent one by one: of those that were left only the first may have been.
    const first = this.#next
    if (first) first.isSent = true
  }

  get #next(): Queued | undefined {
    return this.#queued.find(({ place }) => place === null)
  }

  /** What the server has not decided, in its order, for people. */
  get pending(): readonly Pending[] {
    return this.#queued
      .filter(({ place }) => place === null)
      .map(({ mutation: { id, command, body, params, madeAt, staffId }, isStored, isSent }) => {
        const stage = isSent ? 'sending' : isStored ? 'waiting' : 'storing'
        return { id, command, input: { ...body, ...params }, madeAt, stage, ...(staffId !== undefined && { staffId }) }
      })
  }

  /** Mutations that the server has not decided. */
  get undecided(): readonly Mutation[] {
    return this.#queued.filter(({ place }) => place === null).map(({ mutation }) => mutation)
  }

  /** Mutations that a state doesn't have yet: what is shown is that state with these done to it. */
  missingIn({ epoch, seq }: { readonly epoch: string | null; readonly seq: number }): readonly Mutation[] {
    return this.#queued
      .filter(({ place }) => place === null || (place.epoch === epoch && place.seq > seq))
      .map(({ mutation }) => mutation)
  }

  /** Oldest first. */
  get conflicts(): readonly Conflict[] {
    return [...this.#conflicts.values()].sort((a, b) => (a.refusedAt < b.refusedAt ? -1 : 1))
  }

  /** Takes a mutation. `stored` resolves when it can't be lost any more. Throws `ClientError` queue-full, too-large; both promises reject with `storage`. */
  add(mutation: Mutation): { stored: Promise<void>; settled: Promise<Settled> } {
    if (this.#queued.length >= limits.queuedMutations)
      throw new ClientError('queue-full', `${limits.queuedMutations} changes wait to be sent already`)
    if (new TextEncoder().encode(JSON.stringify(mutation.body)).length > limits.bodyBytes)
      throw new ClientError('too-large', `A change has ${limits.bodyBytes} bytes at most`)
    const key = `${this.#deps.prefix}mutation/${String(this.#counter++).padStart(12, '0')}`
    const queued: Queued = { key, mutation, isStored: false, isSent: false, place: null }
    this.#append(queued)
    const settled = new Promise<Settled>((resolve) => {
      queued.settle = resolve
    })
    const stored = this.#store(queued)
    // Who only waits for one of the two is not to be struck by the other.
    const both = Promise.all([stored, settled]).then(([, end]) => end)
    both.catch(() => undefined)
    return { stored, settled: both }
  }

  /** A change on the stream: if it is one of ours, it is done, whether its answer has come or not. Says whether it is. */
  seen(mutationId: string | null, place: Place): boolean {
    const queued = mutationId === null ? undefined : this.#byId.get(mutationId)
    if (queued && !queued.place) {
      queued.place = place
      if (queued !== this.#sending) queued.settle?.({ outcome: 'done', seq: place.seq, result: null })
    }
    return queued !== undefined
  }

  /** Takes back what was never sent; false where it was, or may have been. Throws `ClientError` storage: then it stays. Spec: D18. */
  async withdraw(mutationId: string): Promise<boolean> {
    const queued = this.#byId.get(mutationId)
    if (!queued || queued.place || queued.isSent || !queued.isStored) return false
    // As long as it may be gone it is not sent, nor what comes after it.
    queued.isStored = false
    try {
      await this.#deps.at.storage.write([{ drop: queued.key }])
      this.#remove(queued)
      queued.settle?.({ outcome: 'withdrawn' })
      return true
    } catch (error) {
      queued.isStored = true
      throw new ClientError('storage', 'The change could not be removed from this device', error)
    } finally {
      void this.#drain()
    }
  }

  /** Lets go of everything, and writes nothing more. What is on the device is for the caller to remove. */
  forget(): void {
    this.pause()
    const all = this.#queued
    this.#take(all)
    this.#conflicts.clear()
    for (const queued of all) queued.settle?.({ outcome: 'withdrawn' })
  }

  /** What leaves the queue once a state is stored: to be written together with it. `done` after that. */
  landedBy(state: Place): { ops: Op[]; done: () => void } {
    const landed = this.#queued.filter(
      (each) =>
        each !== this.#sending && each.place && (each.place.epoch !== state.epoch || each.place.seq <= state.seq),
    )
    return {
      ops: landed.map(({ key }) => ({ drop: key })),
      done: () => this.#take(landed),
    }
  }

  /** A conflict was read. */
  async dismiss(mutationId: string): Promise<void> {
    if (!this.#conflicts.has(mutationId)) return
    await this.#deps.at.storage.write([{ drop: this.#conflictKey(mutationId) }])
    this.#conflicts.delete(mutationId)
    this.#deps.changed()
  }

  /** Sends from now on. Called again, it tries at once. */
  run(): void {
    this.#isRunning = true
    this.#wake?.()
    void this.#drain()
  }

  /** Sends nothing more; an answer that is under way still counts. */
  pause(): void {
    this.#isRunning = false
    this.#wake?.()
  }

  async #store(queued: Queued): Promise<void> {
    try {
      await this.#deps.at.storage.write([{ put: queued.key, value: queued.mutation }])
    } catch (error) {
      this.#remove(queued)
      throw new ClientError('storage', 'The change could not be stored on this device', error)
    }
    queued.isStored = true
    void this.#drain()
  }

  async #drain(): Promise<void> {
    if (this.#isDraining) return
    this.#isDraining = true
    while (this.#isRunning) {
      const queued = this.#next
      if (!queued?.isStored) break
      queued.isSent = true
      this.#sending = queued
      const verdict = await this.#deps.send(queued.mutation)
      this.#sending = null
      // Forgotten meanwhile.
      if (!this.#queued.includes(queued)) break
      const isDecided = await this.#decide(queued, verdict).catch(() => false)
      if (isDecided) this.#failures = 0
      else await this.#pauseFor(verdict.kind === 'later' ? verdict.afterMillis : null)
    }
    this.#isDraining = false
  }

  /** Stores what was decided; says whether anything was. Rejects when it can't be stored: then it is asked for again. */
  async #decide(queued: Queued, verdict: Verdict): Promise<boolean> {
    if (verdict.kind === 'done') {
      await this.#done(queued, verdict)
      return true
    }
    if (queued.place) {
      queued.settle?.({ outcome: 'done', seq: queued.place.seq, result: null })
      return true
    }
    if (verdict.kind !== 'refused') return false
    const conflict: Conflict = { ...verdict.conflict, mutation: queued.mutation, refusedAt: this.#deps.instant() }
    const outdated = this.conflicts.slice(0, Math.max(0, this.#conflicts.size + 1 - limits.conflicts))
    await this.#deps.at.storage.write([
      { drop: queued.key },
      { put: this.#conflictKey(queued.mutation.id), value: conflict },
      ...outdated.map(({ mutation }) => ({ drop: this.#conflictKey(mutation.id) })),
    ])
    for (const { mutation } of outdated) this.#conflicts.delete(mutation.id)
    this.#conflicts.set(queued.mutation.id, conflict)
    this.#remove(queued)
    queued.settle?.({ outcome: 'refused', conflict })
    return true
  }

  async #done(queued: Queued, { seq, result }: Extract<Verdict, { kind: 'done' }>): Promise<void> {
    const { storage } = this.#deps.at
    if (seq === null) {
      await storage.write([{ drop: queued.key }])
      this.#remove(queued)
    } else {
      const place = queued.place ?? { epoch: this.#deps.epoch(), seq }
      await storage.write([{ put: queued.key, value: { ...queued.mutation, place } }])
      queued.place = place
      this.#deps.changed()
    }
    queued.settle?.({ outcome: 'done', seq, result })
  }

  async #pauseFor(afterMillis: number | null): Promise<void> {
    const millis = Math.max(afterMillis ?? 0, backoff(this.#failures++, this.#deps.at.random))
    await new Promise<void>((resolve) => {
      const callOff = this.#deps.at.after(millis, resolve)
      this.#wake = () => {
        callOff()
        resolve()
      }
    })
    this.#wake = null
  }

  #append(queued: Queued): void {
    this.#queued.push(queued)
    this.#byId.set(queued.mutation.id, queued)
  }

  #take(gone: readonly Queued[]): void {
    const all = new Set(gone)
    this.#queued = this.#queued.filter((each) => !all.has(each))
    for (const each of gone) if (this.#byId.get(each.mutation.id) === each) this.#byId.delete(each.mutation.id)
  }

  #remove(queued: Queued): void {
    this.#take([queued])
    this.#deps.changed()
  }

  #conflictKey(mutationId: string): string {
    return `${this.#deps.prefix}conflict/${mutationId}`
  }
}

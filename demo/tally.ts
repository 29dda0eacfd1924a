/** Whole milliseconds, counted: any number of them in little room. */
export class Millis {
  readonly #counts: number[] = []
  count = 0
  max = 0

  add(millis: number): void {
    const whole = Math.min(Math.max(0, Math.round(millis)), 60_000)
    this.#counts[whole] = (this.#counts[whole] ?? 0) + 1
    this.count++
    this.max = Math.max(this.max, whole)
  }

  /** The value that this share of all is not above. */
  quantile(share: number): number {
    let left = Math.max(1, Math.ceil(this.count * share))
    // A sparse list: the values in between were never seen.
    for (const [millis, count] of this.#counts.entries()) if ((left -= count ?? 0) <= 0) return millis
    return 0
  }
}

/** A measure over the whole run and over the last interval that is complete. */
export class Measure {
  readonly total = new Millis()
  last = new Millis()
  #current = new Millis()

  add(millis: number): void {
    this.total.add(millis)
    this.#current.add(millis)
  }

  turn(): void {
    this.last = this.#current
    this.#current = new Millis()
  }
}

/** What all devices of a run have done and heard. */
export class Tally {
  /** Actions of hosts: sent, refused (4xx), failed (no answer, or 5xx). */
  sent = 0
  refused = 0
  failed = 0
  /** Messages about guests and tables that came, on both sockets. */
  deliveries = 0
  repeated = 0
  disordered = 0
  unknown = 0
  /** Connections that broke. */
  lost = 0
  /** When the last delivery came, by `performance.now()`. */
  deliveredAt = 0
  /** From a change's time, as the server says it in the message, to the message's receipt. */
  readonly lag = new Measure()
  /** From an action's request to its answer. */
  readonly answers = new Measure()
  /** What was refused or failed last, in words. */
  readonly complaints = new Map<string, number>()
  perSecond = 0
  #turnedAt = performance.now()
  #deliveriesThen = 0

  /** Ends an interval. */
  turn(): void {
    const now = performance.now()
    this.perSecond = ((this.deliveries - this.#deliveriesThen) * 1000) / Math.max(1, now - this.#turnedAt)
    this.#turnedAt = now
    this.#deliveriesThen = this.deliveries
    this.lag.turn()
    this.answers.turn()
  }

  complain(what: string): void {
    if (this.complaints.size < 50 || this.complaints.has(what))
      this.complaints.set(what, (this.complaints.get(what) ?? 0) + 1)
  }
}

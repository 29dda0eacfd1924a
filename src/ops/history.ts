import { limits } from '../platform/limits.ts'
import type { Points, SeriesName } from './figures.ts'
import { pointOf, type Sample } from './samples.ts'

/** The last 15 minutes of the charts, one sample per 5 s. */
export class History {
  readonly #samples: Sample[] = []

  /** The number of kept samples. */
  get size(): number {
    return this.#samples.length
  }

  /** The time of the last sample, in milliseconds; 0 when there is none. */
  get last(): number {
    return this.#samples.at(-1)?.at ?? 0
  }

  /** Keeps a sample. */
  add(sample: Sample): void {
    this.#samples.push(sample)
    while (this.#samples.length > limits.opsSamples) this.#samples.shift()
  }

  /** The points of the kept samples that are later than a time in milliseconds, and, last, of `now`. */
  pointsSince(since: number, now: Sample): Points {
    const all = [...this.#samples.filter(({ at }) => at < now.at), now]
    const made = all.flatMap((sample, index) => {
      const before = this.#before(all, index)
      return sample.at > since && before ? [{ at: sample.at, point: pointOf(before, sample) }] : []
    })
    const names = Object.keys(pointOf(now, now)) as SeriesName[]
    const lines = names.map((name) => [name, made.map(({ point }) => point[name])] as const)
    return { at: made.map(({ at }) => at), series: Object.fromEntries(lines) as unknown as Points['series'] }
  }

  /**
   * The sample to subtract for a point: the latest that is old enough, so that a point does not cover only two
   * requests.
   */
  #before(all: readonly Sample[], index: number): Sample | undefined {
    const oldEnough = all[index]!.at - limits.opsPointMillis
    let from = index - 1
    while (from > 0 && all[from]!.at > oldEnough) from--
    return all[from]
  }
}

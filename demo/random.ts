import { randomFrom } from '../test/random.ts'

/** Draws that repeat for the same seed. */
export class Random {
  /** Uniform, 0 included, 1 not. */
  readonly next: () => number

  /** `stream` keeps several users of one seed apart. */
  constructor(seed: number, stream = 0) {
    this.next = randomFrom(seed ^ Math.imul(stream + 1, 0x9e3779b9))
    for (let i = 0; i < 8; i++) this.next()
  }

  /** True in this share of draws. */
  chance(share: number): boolean {
    return this.next() < share
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low)
  }

  pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.next() * of.length)]!
  }

  /** One of several by weight. */
  weighted<T>(of: readonly (readonly [value: T, weight: number])[]): T {
    let left = this.next() * of.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [value, weight] of of) if ((left -= weight) < 0) return value
    return of.at(-1)![0]
  }

  /** Mean 0, variance 1: Box and Muller. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
  }

  /** Lognormal with this mean and coefficient of variation. */
  lognormal(mean: number, variation: number): number {
    const variance = Math.log(1 + variation * variation)
    return Math.exp(Math.log(mean) - variance / 2 + Math.sqrt(variance) * this.normal())
  }

  /** Knuth's way, in pieces so that a large mean doesn't underflow. */
  poisson(mean: number): number {
    let count = 0
    for (let left = mean; left > 0; left -= 50) {
      const limit = Math.exp(-Math.min(left, 50))
      for (let product = this.next(); product > limit; product *= this.next()) count++
    }
    return count
  }
}

/** The evening's own time: minutes since midnight, running faster than the wall's. */
export class EveningClock {
  readonly from: number
  readonly to: number
  readonly speed: number
  #startedAt: number | null = null

  constructor({ from, to, speed }: { from: number; to: number; speed: number }) {
    this.from = from
    this.to = to
    this.speed = speed
  }

  start(): void {
    this.#startedAt = performance.now()
  }

  /** The minute it is; never beyond the evening's end. */
  now(): number {
    if (this.#startedAt === null) return this.from
    return Math.min(this.to, this.from + ((performance.now() - this.#startedAt) / 60_000) * this.speed)
  }

  isOver(): boolean {
    return this.now() >= this.to
  }

  /** The wall's time of a minute: what guests and devices of this evening would call it. */
  wallTime(minute: number): string {
    return new Date(Date.now() + ((minute - this.now()) * 60_000) / this.speed).toISOString()
  }

  /** Real milliseconds of so many minutes. */
  millis(minutes: number): number {
    return (minutes * 60_000) / this.speed
  }
}

/** A minute as people write it: `19:05`. */
export const hourAndMinute = (minute: number): string => {
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0')
  return `${two(minute / 60)}:${two(minute % 60)}`
}

export const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

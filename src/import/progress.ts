import { microsOf, type Clock } from '../platform/clock.ts'

const BAR_EVERY_MICROS = 100_000
const LINE_EVERY_MICROS = 3_000_000
const WIDTH = 30

/** Shows how far it is: a bar on a terminal, a line every few seconds elsewhere. Lines of others go through `say`. */
export class Progress {
  readonly #out: { readonly isTTY?: boolean; write(text: string): unknown }
  readonly #clock: Clock
  readonly #total: number
  readonly #start: number
  #done = 0
  #shown = 0
  #bar = false

  constructor(out: { readonly isTTY?: boolean; write(text: string): unknown }, clock: Clock, total: number) {
    this.#out = out
    this.#clock = clock
    this.#total = total
    this.#start = clock.micros()
    this.#shown = this.#start
  }

  step(rows: number): void {
    this.#done += rows
    const now = microsOf(this.#clock.now())
    if (now - this.#shown < (this.#out.isTTY ? BAR_EVERY_MICROS : LINE_EVERY_MICROS)) return
    this.#shown = now
    this.#show(now)
  }

  say(line: string): void {
    this.#wipe()
    this.#out.write(`${line}\n`)
  }

  /** Removes the bar; gives the seconds it took. */
  end(): number {
    this.#wipe()
    return (microsOf(this.#clock.now()) - this.#start) / 1e6
  }

  #show(now: number): void {
    const part = this.#total === 0 ? 1 : Math.min(1, this.#done / this.#total)
    const text = `${this.#done} of ${this.#total} rows, ${Math.floor(part * 100)} %, ${Math.round((now - this.#start) / 1e6)} s`
    if (!this.#out.isTTY) return void this.#out.write(`  ${text}\n`)
    const filled = Math.round(part * WIDTH)
    this.#out.write(`\r\u001b[K[${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${text}`)
    this.#bar = true
  }

  #wipe(): void {
    if (this.#bar) this.#out.write('\r\u001b[K')
    this.#bar = false
  }
}

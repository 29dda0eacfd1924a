import { boxOf, lineOf, painted, plain, type Paint, type Scene } from './frame.ts'

const REDRAW_MILLIS = 250
const LINE_MILLIS = 3_000
const WIDEST = 118
const NARROWEST = 60

/** The live figures: a box that is drawn again and again on a terminal, else a line now and then. */
export class Screen {
  readonly paint: Paint
  readonly #live: boolean
  readonly #scene: () => Scene
  #timer: NodeJS.Timeout | null = null
  #drawn = 0

  constructor(scene: () => Scene) {
    this.#scene = scene
    this.#live = process.stdout.isTTY && process.env['TERM'] !== 'dumb'
    this.paint = this.#live && !process.env['NO_COLOR'] ? painted : plain
  }

  start(): void {
    if (this.#live) process.stdout.write('\x1b[?25l')
    this.#timer = setInterval(() => this.draw(), this.#live ? REDRAW_MILLIS : LINE_MILLIS)
    this.draw()
  }

  draw(): void {
    const scene = this.#scene()
    if (!this.#live) return void process.stdout.write(`${lineOf(scene)}\n`)
    // A terminal that doesn't know its size says 0.
    const columns = process.stdout.columns || 80
    const rows = process.stdout.rows || 24
    const width = Math.max(NARROWEST, Math.min(columns - 1, WIDEST))
    const lines = boxOf(scene, width, rows - 1, this.paint)
    // Up to where the box begins, then everything anew in one write, so that nothing flickers.
    const up = this.#drawn > 0 ? `\x1b[${Math.min(this.#drawn, rows - 1)}A\r` : ''
    process.stdout.write(`${up}\x1b[0J${lines.join('\n')}\n`)
    this.#drawn = lines.length
  }

  /** Draws once more and leaves the terminal as it was. */
  stop(): void {
    if (!this.#timer) return
    clearInterval(this.#timer)
    this.#timer = null
    this.draw()
    this.restore()
  }

  /** Shows the cursor again, whatever happened. */
  restore(): void {
    if (this.#live) process.stdout.write('\x1b[?25h')
  }
}

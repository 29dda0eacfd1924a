import type { Points } from '../../src/ops/figures.ts'
import { html, svg } from './element.ts'
import type { ChartKind, Line } from './lines.ts'
import { areaOf, lineOf, scaleOf } from './scale.ts'
import { clock, written } from './words.ts'

/** How much time a chart shows, in milliseconds. */
export const SPAN = 15 * 60_000

const HEIGHT = 132
const TOP = 8
const BOTTOM = 18
const LEFT = 6
const RIGHT = 6

/** A chart on the page. It is drawn anew whenever its points, its cursor or its width change. */
export class Chart {
  readonly element: HTMLElement
  readonly #kind: ChartKind
  readonly #figure: SVGSVGElement
  readonly #values = new Map<Line, HTMLElement>()
  readonly #when: HTMLElement
  readonly #onCursor: (at: number | null) => void
  #points: Points = { at: [], series: {} as Points['series'] }
  #cursor: number | null = null
  #now = 0
  #width = 320

  /** `onCursor` is told of the moment that is pointed at, in milliseconds, or null. */
  constructor(kind: ChartKind, onCursor: (at: number | null) => void) {
    this.#kind = kind
    this.#onCursor = onCursor
    this.#figure = svg('svg', { attributes: { role: 'img', tabindex: 0, height: HEIGHT, focusable: true } })
    this.#when = html('span', { class: 'when' })
    const legend = kind.lines.map((line) => {
      const value = html('b', { text: '–' })
      this.#values.set(line, value)
      const kindOf = line.told === undefined ? 'drawn' : 'told'
      return html('li', { class: `${line.tone} ${kindOf}` }, html('span', { text: line.name }), value)
    })
    this.element = html(
      'article',
      { class: 'card chart', attributes: { id: `chart-${kind.id}` } },
      html('h3', { text: kind.title, attributes: { title: kind.about } }, this.#when),
      html('ul', { class: 'legend' }, ...legend),
      this.#figure,
    )
    this.#listen()
    new ResizeObserver(([entry]) => {
      this.#width = Math.max(120, Math.round(entry!.contentRect.width))
      this.#draw()
    }).observe(this.#figure.parentElement!)
  }

  /** Shows points; `now` is the right edge. */
  show(points: Points, now: number): void {
    this.#points = points
    this.#now = now
    this.#draw()
  }

  /** Marks a moment, or none. */
  point(at: number | null): void {
    if (this.#cursor === at) return
    this.#cursor = at
    this.#draw()
  }

  #listen(): void {
    const figure = this.#figure
    figure.addEventListener('pointermove', ({ clientX }) => {
      const { left, width } = figure.getBoundingClientRect()
      const share = (clientX - left - LEFT) / (width - LEFT - RIGHT)
      this.#onCursor(this.#nearest(this.#now - SPAN * (1 - share)))
    })
    figure.addEventListener('pointerleave', () => this.#onCursor(null))
    figure.addEventListener('blur', () => this.#onCursor(null))
    figure.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key]
      if (event.key === 'Escape') this.#onCursor(null)
      if (step === undefined) return
      event.preventDefault()
      const { at } = this.#points
      const index = this.#cursor === null ? at.length : at.indexOf(this.#cursor)
      this.#onCursor(at[Math.min(at.length - 1, Math.max(0, index + step))] ?? null)
    })
  }

  #nearest(at: number): number | null {
    let best: number | null = null
    for (const each of this.#points.at) if (best === null || Math.abs(each - at) < Math.abs(best - at)) best = each
    return best
  }

  #draw(): void {
    const { lines, unit, least, title } = this.#kind
    const { at, series } = this.#points
    const drawn = lines.filter(({ told }) => told === undefined)
    const highest = Math.max(0, ...drawn.flatMap((line) => (series[line.series] ?? []).map((value) => value ?? 0)))
    const { top, ticks } = scaleOf(highest, least)
    const base = HEIGHT - BOTTOM
    const x = (time: number) => LEFT + (this.#width - LEFT - RIGHT) * (1 - (this.#now - time) / SPAN)
    const y = (value: number) => base - (base - TOP) * (value / top)
    // The first line is the most important: it lies on top.
    const paths = drawn.toReversed().flatMap((line) => {
      const points = at.map((time, n) => {
        const value = series[line.series]?.[n] ?? null
        return [x(time), value === null ? null : y(value)] as const
      })
      return [
        svg('path', { class: `area ${line.tone}`, attributes: { d: areaOf(points, base) } }),
        svg('path', { class: `line ${line.tone}`, attributes: { d: lineOf(points) } }),
      ]
    })
    this.#figure.setAttribute('width', `${this.#width}`)
    this.#figure.setAttribute('viewBox', `0 0 ${this.#width} ${HEIGHT}`)
    this.#figure.replaceChildren(...this.#grid(ticks, y, base), ...paths, ...this.#cursorLine(x, y, drawn, base))
    this.#tell(title, unit)
  }

  #grid(ticks: readonly number[], y: (value: number) => number, base: number): SVGElement[] {
    const right = this.#width - RIGHT
    const across = (at: number, name: string) =>
      svg('line', { class: name, attributes: { x1: LEFT, x2: right, y1: at, y2: at } })
    const values = ticks.flatMap((tick) => [
      across(Math.round(y(tick)) + 0.5, 'grid'),
      svg('text', { text: written(tick, this.#kind.unit), attributes: { x: LEFT, y: y(tick) + 11 } }),
    ])
    const minutes = [15, 10, 5, 0].map((ago) => {
      const anchor = ago === 15 ? 'start' : ago === 0 ? 'end' : 'middle'
      const at = LEFT + (right - LEFT) * (1 - ago / 15)
      const text = ago === 0 ? 'now' : `−${ago} min`
      return svg('text', { text, attributes: { x: at, y: HEIGHT - 4, 'text-anchor': anchor } })
    })
    return [...values, across(base + 0.5, 'base'), ...minutes]
  }

  #cursorLine(
    x: (time: number) => number,
    y: (value: number) => number,
    drawn: readonly Line[],
    base: number,
  ): SVGElement[] {
    const index = this.#cursor === null ? -1 : this.#points.at.indexOf(this.#cursor)
    if (this.#cursor === null || index < 0) return []
    const at = x(this.#cursor)
    const dots = drawn.flatMap((line) => {
      const value = this.#points.series[line.series]?.[index] ?? null
      if (value === null) return []
      return [svg('circle', { class: `dot ${line.tone}`, attributes: { cx: at, cy: y(value), r: 3 } })]
    })
    return [svg('line', { class: 'cursor', attributes: { x1: at, x2: at, y1: TOP, y2: base } }), ...dots]
  }

  /** The values at the cursor, else the latest ones. */
  #tell(title: string, unit: ChartKind['unit']): void {
    const { at, series } = this.#points
    const found = this.#cursor === null ? -1 : at.indexOf(this.#cursor)
    const index = found < 0 ? at.length - 1 : found
    const told: string[] = []
    for (const [line, element] of this.#values) {
      const text = written(series[line.series]?.[index] ?? null, line.told ?? unit)
      element.textContent = text
      told.push(`${line.name} ${text}`)
    }
    this.#when.textContent = found < 0 ? '' : clock(at[found]!)
    this.#figure.setAttribute('aria-label', `${title}: ${told.join(', ')}`)
  }
}

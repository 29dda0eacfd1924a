import { html } from './element.ts'

/** Tables that can be sorted by their columns. */

/** A column: what it tells of a row, and by what it is sorted (a number: the greatest first). */
export interface Column<Row> {
  readonly title: string
  readonly about?: string
  readonly value: (row: Row) => string
  readonly sort?: (row: Row) => number | string
  /** `name`: text that may be long; `lesser`: left out on a phone; `bar`: the share of the greatest is drawn behind it. */
  readonly kind?: 'name' | 'lesser' | 'bar' | 'text'
  readonly isBad?: (row: Row) => boolean
}

/** A table on the page. */
export class Table<Row> {
  readonly element: HTMLElement
  readonly #columns: readonly Column<Row>[]
  readonly #body = html('tbody')
  readonly #heads: HTMLTableCellElement[]
  readonly #empty: string
  readonly #shown: number
  readonly #more = html('button', { class: 'more', attributes: { type: 'button', hidden: true } })
  #rows: readonly Row[] = []
  #by: number | null
  #isWhole = false

  /** `by`: the column it is sorted by at first; null leaves the order as it comes. `shown`: so many rows before it is asked for all. */
  constructor(
    id: string,
    title: string,
    empty: string,
    columns: readonly Column<Row>[],
    by: number | null,
    shown = 10,
  ) {
    this.#columns = columns
    this.#by = by
    this.#empty = empty
    this.#shown = shown
    this.#heads = columns.map((column, index) => this.#head(column, index))
    this.#more.addEventListener('click', () => {
      this.#isWhole = !this.#isWhole
      this.#draw()
    })
    const head = html('thead', {}, html('tr', {}, ...this.#heads))
    const caption = html('caption', { text: title })
    const scroll = html('div', { class: 'scroll', attributes: { tabindex: 0, role: 'group', 'aria-label': title } })
    scroll.append(html('table', {}, caption, head, this.#body))
    this.element = html('article', { class: 'card table', attributes: { id: `table-${id}` } }, scroll, this.#more)
  }

  /** Shows rows. */
  show(rows: readonly Row[]): void {
    this.#rows = rows
    this.#draw()
  }

  #head({ title, about, sort, kind }: Column<Row>, index: number): HTMLTableCellElement {
    const attributes = { scope: 'col', ...(about !== undefined && { title: about }) }
    const cell = html('th', { class: kind ?? '', attributes })
    if (!sort) {
      cell.textContent = title
      return cell
    }
    const button = html('button', { text: title, attributes: { type: 'button' } })
    button.addEventListener('click', () => {
      this.#by = index
      this.#draw()
    })
    cell.append(button)
    return cell
  }

  #draw(): void {
    const sort = this.#by === null ? undefined : this.#columns[this.#by]!.sort
    const rows = sort ? this.#rows.toSorted((a, b) => order(sort(a), sort(b))) : this.#rows
    for (const [index, head] of this.#heads.entries())
      if (index === this.#by) head.setAttribute('aria-sort', 'descending')
      else head.removeAttribute('aria-sort')
    const shown = this.#isWhole ? rows : rows.slice(0, this.#shown)
    this.#body.replaceChildren(...shown.map((row) => this.#row(row)))
    if (rows.length === 0) {
      const attributes = { colspan: this.#columns.length }
      this.#body.append(html('tr', {}, html('td', { class: 'empty', text: this.#empty, attributes })))
    }
    this.#more.hidden = rows.length <= this.#shown
    this.#more.textContent = this.#isWhole ? 'Fewer' : `All ${rows.length}`
  }

  #row(row: Row): HTMLTableRowElement {
    const cells = this.#columns.map(({ value, sort, kind, isBad }) => {
      const text = value(row)
      const cell = html('td', { class: `${kind ?? ''} ${isBad?.(row) ? 'bad' : ''}`, text })
      if (kind === 'name' || kind === 'text') cell.title = text
      if (kind === 'bar' && sort) {
        const most = Math.max(...this.#rows.map((each) => Number(sort(each))))
        cell.style.setProperty('--share', `${most > 0 ? (100 * Number(sort(row))) / most : 0}%`)
      }
      return cell
    })
    return html('tr', {}, ...cells)
  }
}

const order = (a: number | string, b: number | string): number =>
  typeof a === 'number' && typeof b === 'number' ? b - a : `${a}`.localeCompare(`${b}`)

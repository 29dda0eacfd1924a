import { hourAndMinute } from './clock.ts'
import type { Cell, Glance } from './house.ts'
import type { Millis, Tally } from './tally.ts'

/** What the screen shows, as text: no terminal here. */

export interface Scene {
  readonly title: string
  readonly from: number
  readonly to: number
  readonly now: number
  readonly houses: readonly Glance[]
  readonly devices: number
  readonly news: string
  readonly tally: Tally
}

/** Paints a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string
export type Style = 'dim' | 'bold' | 'green' | 'yellow' | 'red' | 'cyan'

const CODES: Record<Style, number> = { dim: 2, bold: 1, green: 32, yellow: 33, red: 31, cyan: 36 }

export const painted: Paint = (style, text) => `\x1b[${CODES[style]}m${text}\x1b[0m`
export const plain: Paint = (_, text) => text

const CELLS: Record<Cell, readonly [mark: string, style: Style]> = {
  taken: ['█', 'green'],
  free: ['░', 'dim'],
  reserved: ['▒', 'yellow'],
  out: ['×', 'red'],
}

const count = (n: number): string => Math.round(n).toLocaleString('en')
const millis = (m: Millis): string =>
  m.count === 0 ? 'none' : `p50 ${m.quantile(0.5)} ms · p99 ${m.quantile(0.99)} ms · max ${m.max} ms`

/** The box, line by line, each exactly `width` wide. With `rows`, restaurants that don't fit are summed up in one line. */
export function boxOf(scene: Scene, width: number, rows: number, paint: Paint): string[] {
  const inner = width - 4
  const { tally } = scene
  const rule = (left: string, right: string, title = '') => {
    const text = title === '' ? '' : `─ ${title} `
    return paint('dim', left + text + '─'.repeat(Math.max(0, width - 2 - text.length)) + right)
  }
  const line = (text: string, length = visible(text)) =>
    `${paint('dim', '│')} ${length > inner ? cut(text, inner) : text + ' '.repeat(inner - length)} ${paint('dim', '│')}`
  const fixed = 12
  const shown = scene.houses.slice(0, Math.max(1, rows - fixed - 1))
  const rest = scene.houses.length - shown.length
  const online = scene.houses.reduce((sum, house) => sum + house.online, 0)
  return [
    rule('╭', '╮', scene.title),
    line(progress(scene, inner, paint)),
    rule('├', '┤'),
    ...shown.map((house) => line(houseLine(house, inner, paint))),
    ...(rest > 0 ? [line(paint('dim', `and ${rest} more`))] : []),
    rule('├', '┤'),
    line(`actions    ${count(tally.sent)} sent · ${refusals(tally, paint)}`),
    line(`answers    now ${millis(tally.answers.last)}`),
    line(`messages   ${count(tally.deliveries)} heard · ${count(tally.perSecond)}/s · ${oddities(tally, paint)}`),
    line(`lag        now ${millis(tally.lag.last)}`),
    line(`           all ${millis(tally.lag.total)}`),
    line(`devices    ${onlineOf(online, scene.devices, paint)} · ${count(tally.lost)} connections lost`),
    line(paint('dim', scene.news)),
    rule('╰', '╯'),
  ]
}

/** One line for where there is no terminal to paint on. */
export function lineOf({ now, houses, devices, tally }: Scene): string {
  const sum = (of: (house: Glance) => number) => houses.reduce((total, house) => total + of(house), 0)
  const free = sum((house) => house.cells.filter((cell) => cell === 'free').length)
  const { last } = tally.lag
  return [
    `${hourAndMinute(now)}  waiting ${sum((h) => h.waiting)}  seated ${sum((h) => h.seated)}  free ${free}`,
    `online ${sum((h) => h.online)}/${devices}`,
    `actions ${tally.sent} (${tally.refused} refused, ${tally.failed} failed)`,
    `messages ${tally.deliveries} (${count(tally.perSecond)}/s)`,
    `lag ms p50 ${last.quantile(0.5)} p99 ${last.quantile(0.99)} max ${last.max}`,
  ].join(' | ')
}

function progress({ from, to, now }: Scene, inner: number, paint: Paint): string {
  const room = inner - 14
  const done = Math.round((room * (now - from)) / (to - from))
  const bar = paint('cyan', '━'.repeat(done)) + paint('dim', '─'.repeat(room - done))
  return `${paint('bold', hourAndMinute(now))}  ${bar}  ${hourAndMinute(to)}`
}

const NAME_WIDTH = 12
const LINE_WIDTH = NAME_WIDTH + 44

function houseLine({ name, waiting, seated, cells }: Glance, inner: number, paint: Paint): string {
  const number = (n: number) => String(n).padStart(3)
  const of = (cell: Cell) => cells.filter((each) => each === cell).length
  const bar = squeeze(cells, inner - LINE_WIDTH)
    .map((cell) => paint(CELLS[cell][1], CELLS[cell][0]))
    .join('')
  const counts = `${number(waiting)} waiting ${number(seated)} seated ${number(of('taken'))} taken ${number(of('free'))} free`
  return `${paint('bold', name.slice(0, NAME_WIDTH).padEnd(NAME_WIDTH))} ${counts}  ${bar}`
}

/** A floor larger than its room: taken tables first, in proportion. */
function squeeze(cells: readonly Cell[], room: number): readonly Cell[] {
  if (cells.length <= room) return cells
  const order: readonly Cell[] = ['taken', 'reserved', 'out', 'free']
  const sorted = [...cells].sort((a, b) => order.indexOf(a) - order.indexOf(b))
  return Array.from({ length: Math.max(0, room) }, (_, i) => sorted[Math.floor(((i + 0.5) * cells.length) / room)]!)
}

function refusals({ refused, failed }: Tally, paint: Paint): string {
  const text = `${count(failed)} failed`
  return `${count(refused)} refused · ${failed > 0 ? paint('red', text) : text}`
}

function oddities({ repeated, disordered, unknown }: Tally, paint: Paint): string {
  const text = `${count(repeated)} twice · ${count(disordered)} out of order · ${count(unknown)} unknown`
  return repeated + disordered + unknown > 0 ? paint('red', text) : text
}

const onlineOf = (online: number, devices: number, paint: Paint): string =>
  paint(online === devices ? 'green' : 'yellow', `${count(online)} of ${count(devices)} online`)

const SEQUENCE = /\x1b\[\d+m/g

/** Columns that a text takes. Everything shown is one column and one code unit a character. */
export const visible = (text: string): number => text.replace(SEQUENCE, '').length

/** Cut to a width, colours kept whole. */
function cut(text: string, width: number): string {
  let room = width
  const parts = text.split(/(\x1b\[\d+m)/).map((part) => {
    if (part.startsWith('\x1b[')) return part
    const kept = part.slice(0, room)
    room -= kept.length
    return kept
  })
  return parts.join('')
}

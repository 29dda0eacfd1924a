import type { Paint } from './frame.ts'
import type { House } from './house.ts'
import { summarize, type Party, type Summary } from './party.ts'
import type { Millis, Tally } from './tally.ts'
import type { Verdict } from './verify.ts'

const SHOWN = 20

const COLUMNS: readonly (readonly [title: string, of: (summary: Summary) => number])[] = [
  ['parties', (s) => s.parties],
  ['covers', (s) => s.covers],
  ['wait', (s) => s.wait],
  ['turn', (s) => s.turn],
  ['no-show', (s) => s.noShows],
  ['cancel', (s) => s.cancelled],
  ['gave up', (s) => s.gaveUp],
  ['bumped', (s) => s.thrownOff],
  ['here', (s) => s.stillWaiting + s.stillSeated],
]
const LEGEND = '  wait, turn: mean minutes · bumped: lost a table to others · here: still there'

const count = (n: number): string => n.toLocaleString('en')
const millis = (m: Millis): string =>
  m.count === 0 ? 'none' : `p50 ${m.quantile(0.5)} ms, p99 ${m.quantile(0.99)} ms, max ${m.max} ms`

/** The evening in figures: a line for each restaurant and one for all. */
export function eveningTable(houses: readonly { name: string; parties: readonly Party[] }[], paint: Paint): string[] {
  const width = Math.max(8, ...houses.map(({ name }) => name.length))
  const row = (name: string, cells: readonly string[]) =>
    `  ${name.padEnd(width)}${cells.map((cell, i) => cell.padStart(COLUMNS[i]![0].length + 2)).join('')}`
  const line = (name: string, parties: readonly Party[]) => {
    const summary = summarize(parties)
    return row(
      name,
      COLUMNS.map(([, of]) => (Number.isNaN(of(summary)) ? '-' : of(summary).toFixed(0))),
    )
  }
  const titles = COLUMNS.map(([title]) => title)
  const all = houses.flatMap(({ parties }) => parties)
  return [
    paint('dim', row('', titles)),
    ...houses.map(({ name, parties }) => line(name, parties)),
    ...(houses.length > 1 ? [paint('bold', line('together', all))] : []),
    paint('dim', LEGEND),
  ]
}

/** What was sent and heard. */
export function trafficLines(tally: Tally): string[] {
  return [
    `  actions   ${count(tally.sent)} sent, ${count(tally.refused)} refused, ${count(tally.failed)} failed`,
    `  answers   ${millis(tally.answers.total)}`,
    `  messages  ${count(tally.deliveries)} heard, ${count(tally.repeated)} twice, ${count(tally.disordered)} out of order, ${count(tally.unknown)} unknown`,
    `  lag       ${millis(tally.lag.total)}, from a change's time to its receipt`,
    `  devices   lost their connection ${count(tally.lost)} times and loaded anew`,
    ...[...tally.complaints]
      .slice(0, SHOWN)
      .map(([what, times]) => `            ${count(times)} × ${what}`.slice(0, 160)),
  ]
}

/** Whether all devices hold what the database holds, and where not. */
export function verdictLines({ devices, entities, differences }: Verdict, paint: Paint): string[] {
  const [fewest, most] = entities
  const size = `${count(devices)} devices × ${fewest === most ? count(most) : `${count(fewest)} to ${count(most)}`} entities`
  if (differences.length === 0) return [`every device equals the database: ${paint('green', 'yes')} (${size})`]
  return [
    `every device equals the database: ${paint('red', 'NO')} (${size}, ${count(differences.length)} differences)`,
    ...differences.slice(0, SHOWN).map((each) => `  ${each}`),
    ...(differences.length > SHOWN ? [`  and ${count(differences.length - SHOWN)} more`] : []),
  ]
}

/** There was nothing to compare with. */
export const unknownLines = (why: string, paint: Paint): string[] => [
  `every device equals the database: ${paint('red', 'not known')}, the server doesn't answer (${why})`,
]

/** How to look at what the demo left behind. */
export const accountLines = (houses: readonly House[]): string[] =>
  houses.slice(0, SHOWN).map(({ name, account }) => `  ${name}: ${account.email}  ${account.password}`)

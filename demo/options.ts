import { parseArgs } from 'node:util'
import { DAYS, type Day } from './figures.ts'
import { FLOORS, type FloorSize } from './floors.ts'
import { guestsExpected } from './arrivals.ts'

/** What a run of the demo is asked to do. Times are virtual minutes since midnight. */
export interface Options {
  readonly url: string
  readonly restaurants: number
  /** Devices of each restaurant. */
  readonly devices: number
  /** Virtual minutes in a real one. */
  readonly speed: number
  readonly floor: FloorSize
  /** How busy: 1 fills the floor at its busiest hours. */
  readonly load: number
  readonly seed: number
  readonly from: number
  readonly to: number
  readonly day: Day
  /** The run is over after this many seconds, whatever happens; the comparison comes after it. */
  readonly maxSeconds: number
  /** One device loses messages on purpose: the comparison must find it. */
  readonly plantFault: boolean
}

export const HELP = `
QTable demo: fills restaurants with an evening and plays it with simulated iPads against a running server.

  npm run demo -- [options]

  --url URL          the server                                 http://localhost:8000
  --restaurants N    restaurants, each with a floor of its own  1
  --devices N        iPads in each restaurant                   5
  --speed N          virtual minutes in a real one              60
  --floor SIZE       small, middle, large (12, 40, 100 tables)  middle
  --load N           1 fills the floor at its busiest hours     1.0
  --seed N           the same seed gives the same parties       any
  --from, --to HH:MM the evening's first and last minute        17:00, 22:30
  --day DAY          ${DAYS.join(', ')}          Fri
  --max-seconds N    stop after this long                       twice the evening, and a minute
  --plant-fault      one device loses messages on purpose: the check at the end must find it
  --help             this

Ends with 0 when every device holds what the database holds, 1 when not, 2 when the options are wrong.
`

const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean' } as const
const KNOWN = {
  url: TEXT,
  restaurants: TEXT,
  devices: TEXT,
  speed: TEXT,
  floor: TEXT,
  load: TEXT,
  seed: TEXT,
  from: TEXT,
  to: TEXT,
  day: TEXT,
  'max-seconds': TEXT,
  'plant-fault': FLAG,
  help: FLAG,
} as const
type Name = keyof typeof KNOWN

/** Reads the command line: options, a wish for help, or every problem there is. `anySeed` is used where none is given. */
export function readOptions(args: readonly string[], anySeed: number): Options | 'help' | { problems: string[] } {
  const problems: string[] = []
  const given = gather(args, problems)
  if (given.has('help')) return 'help'
  const number = (name: Name, otherwise: number, low: number, high: number, whole = true) => {
    const text = given.get(name)
    if (text === undefined) return otherwise
    const value = text.trim() === '' ? Number.NaN : Number(text)
    const fits = value >= low && value <= high && (!whole || Number.isInteger(value))
    if (!fits)
      problems.push(`--${name} must be ${whole ? 'a whole number' : 'a number'} from ${low} to ${high}: ${text}`)
    return fits ? value : otherwise
  }
  const word = <T extends string>(name: Name, otherwise: T, words: readonly T[]): T => {
    const text = given.get(name) ?? otherwise
    const found = words.find((each) => each.toLowerCase() === text.toLowerCase())
    if (found === undefined) problems.push(`--${name} must be one of ${words.join(', ')}: ${text}`)
    return found ?? otherwise
  }
  const from = minuteIn(given.get('from') ?? '17:00', '--from', problems)
  const to = minuteIn(given.get('to') ?? '22:30', '--to', problems)
  if (problems.length === 0 && to <= from) problems.push('--to must be later than --from')
  else if (problems.length === 0 && guestsExpected(from, to) === 0)
    problems.push('nobody comes between --from and --to: lunch is 11:30 to 14:00, dinner 17:00 to 22:00')
  const speed = number('speed', 60, 0.1, 100_000, false)
  const options: Options = {
    url: urlIn(given.get('url') ?? 'http://localhost:8000', problems),
    restaurants: number('restaurants', 1, 1, 500),
    devices: number('devices', 5, 1, 500),
    speed,
    floor: word('floor', 'middle', FLOORS),
    load: number('load', 1, 0.05, 5, false),
    seed: number('seed', anySeed, 0, 2 ** 32 - 1),
    from,
    to,
    day: word('day', 'Fri', DAYS),
    maxSeconds: number('max-seconds', Math.ceil(((to - from) * 60 * 2) / speed) + 60, 1, 7 * 86_400, false),
    plantFault: given.has('plant-fault'),
  }
  return problems.length > 0 ? { problems } : options
}

/** Names and values, `--name value` or `--name=value`. Not strict: every problem is to be told, not the first. */
function gather(args: readonly string[], problems: string[]): Map<Name, string> {
  const given = new Map<Name, string>()
  const { tokens } = parseArgs({ args: [...args], options: KNOWN, strict: false, allowPositionals: true, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`not an option: ${token.value}`)
    if (token.kind !== 'option') continue
    const { name, value } = token
    if (!(name in KNOWN)) problems.push(`there is no option ${token.rawName}`)
    else if (KNOWN[name as Name] === TEXT && value === undefined) problems.push(`--${name} needs a value`)
    else if (KNOWN[name as Name] === FLAG && value !== undefined) problems.push(`--${name} takes no value`)
    else given.set(name as Name, value ?? '')
  }
  return given
}

function minuteIn(text: string, name: string, problems: string[]): number {
  const [, hours, minutes] = /^(\d{1,2}):([0-5]\d)$/.exec(text) ?? []
  const minute = Number(hours) * 60 + Number(minutes)
  if (minute >= 0 && minute <= 24 * 60) return minute
  problems.push(`${name} must be a time like 17:00: ${text}`)
  return 0
}

function urlIn(text: string, problems: string[]): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url || !/^https?:$/.test(url.protocol)) problems.push(`--url must be like http://localhost:8000: ${text}`)
  return text.replace(/\/+$/, '')
}

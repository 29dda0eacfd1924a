import { arrivals, partiesPerMinute } from './arrivals.ts'
import * as figures from './figures.ts'
import type { Day } from './figures.ts'
import type { Random } from './random.ts'

/** A party as it is before it comes: everything about it that chance decides. Minutes are since midnight. */
export interface PartyPlan {
  readonly name: readonly [first: string, last: string]
  readonly phone: string | null
  readonly size: number
  /** When it comes through the door. */
  readonly at: number
  /** When a host first writes it down: earlier for those who run late. */
  readonly writtenAt: number
  /** The agreed time of a party that doesn't just walk in. */
  readonly reservedFor: number | null
  readonly dining: number
  /** How it ends before it sits down, if it does. */
  readonly fate: 'comes' | 'no-show' | 'cancels' | 'written-by-mistake'
  readonly givesUp: boolean
  /** Tells something for the notes this many minutes after it came. */
  readonly noteAfter: number | null
  /** One more joins them this many minutes after they came. */
  readonly grows: number | null
  /** Wants another table this many minutes after it sat down. */
  readonly movesAfter: number | null
  /** The host seats it in an odd way. */
  readonly seating: 'usual' | 'by-table' | 'takes-over' | 'two-hosts-at-once'
  /** How the host ends the visit. */
  readonly ending: 'finished' | 'cleared' | 'available'
}

const LATE_IS_SAID_AFTER = 5

const FIRST =
  'Ada Ben Chloé Dario Elif Farid Grete Hiro Ines Jonas Kwame Lena Mateo Noor Oskar Priya Ravi Søren Tess Uma'
const LAST =
  'Okafor Nguyen Rossi Larsen Haddad Brandt Silva Kim Moreau Novák Patel Ortiz Byrne Sato Weber Danso Ivanova'
const [firstNames, lastNames] = [FIRST.split(' '), LAST.split(' ')]

/** What guests say that hosts write down. */
export const NOTES = [
  'Birthday',
  'Window, please',
  'High chair',
  'Nut allergy',
  'In a hurry',
  'Regulars 😊',
  'Wheelchair',
]

export interface EveningOf {
  readonly from: number
  readonly to: number
  readonly day: Day
  readonly load: number
  readonly tables: number
}

/** Everyone who comes in an evening, in the order they come. */
export function planEvening(random: Random, evening: EveningOf): PartyPlan[] {
  const rate = partiesPerMinute(evening.tables, evening.load, evening.day)
  return arrivals(random, evening.from, evening.to, rate)
    .map((minute) => planParty(random, minute, evening.day))
    .sort((a, b) => a.writtenAt - b.writtenAt)
}

function planParty(random: Random, minute: number, day: Day): PartyPlan {
  const size = random.weighted(figures.PARTY_SIZES)
  const reserved = random.chance(figures.RESERVED_SHARE)
  const late = random.chance(figures.LATE_SHARE) ? random.lognormal(figures.LATE_MINUTES, 1) : 0
  const reservedFate = random.weighted([
    ['no-show', figures.NO_SHOW_SHARE],
    ['cancels', figures.CANCEL_SHARE],
    ['comes', 1 - figures.NO_SHOW_SHARE - figures.CANCEL_SHARE],
  ] as const)
  const mistake = random.chance(0.01)
  const fate = reserved ? reservedFate : mistake ? 'written-by-mistake' : 'comes'
  const sometime = (share: number, low: number, high: number) => {
    const after = random.between(low, high)
    return random.chance(share) ? after : null
  }
  const at = reserved && fate === 'comes' ? minute + late : minute
  return {
    name: [random.pick(firstNames), random.pick(lastNames)],
    phone: random.chance(0.6) ? `+1 555 01${String(Math.floor(random.next() * 100)).padStart(2, '0')}` : null,
    size,
    at,
    writtenAt: at - minute > LATE_IS_SAID_AFTER ? minute : at,
    reservedFor: reserved ? minute : null,
    dining: random.lognormal(figures.diningMinutes(size, day), figures.DINING_VARIATION),
    fate,
    givesUp: !reserved && random.chance(figures.GIVE_UP_SHARE),
    noteAfter: sometime(0.2, 1, 30),
    grows: sometime(0.03, 2, 20),
    movesAfter: sometime(0.05, 3, 25),
    seating: random.weighted([
      ['usual', 86],
      ['by-table', 8],
      ['takes-over', 3],
      ['two-hosts-at-once', 3],
    ] as const),
    ending: random.weighted([
      ['finished', 50],
      ['cleared', 40],
      ['available', 10],
    ] as const),
  }
}

import { randomUUID } from 'node:crypto'

/** How writers draw what they send: a deck of cards, each a kind of write, about things that are there. The cards are in cards.ts. */

/** What a restaurant under load has, as far as writers know. */
export interface Known {
  /** Tables that stay. Guests and reservations get these. */
  readonly tables: readonly string[]
  /** Tables that writers added: they may be removed. */
  readonly spares: string[]
  readonly guests: string[]
  readonly reservations: string[]
  readonly staff: string[]
  /** Whatever else was added, by the path that adds it. */
  readonly made: Record<string, string[]>
  /** How many members of staff have been renamed, and signed out. Each is so once, which makes it simple to check. */
  readonly turns: { renamed: number; signedOut: number }
}

/** Ids by chance, of what is there; and a text that nobody else writes. */
export interface Picked {
  readonly table: string | undefined
  readonly spare: string | undefined
  readonly guest: string | undefined
  readonly reservation: string | undefined
  /** One of what a path has added, such as `/areas`. */
  readonly made: (path: string) => string | undefined
  readonly note: string
  readonly random: () => number
  readonly staff: string | undefined
  readonly toRename: () => string | undefined
  readonly toSignOut: () => string | undefined
}

type Input = Readonly<Record<string, unknown>>

/** One kind of write. */
export interface Card {
  readonly api: 'v2' | 'ipad'
  /** The command, on /v2. */
  readonly command: string
  readonly method: string
  /** Its parameters are fields of the input. */
  readonly path: string
  /** How many of them a deck has. */
  readonly count: number
  readonly input: (picked: Picked) => Input
}

/** One of a list, by chance. */
export const oneOf = <T>(all: readonly T[], random: () => number): T => all[Math.floor(random() * all.length)]!

/** Picks for one write. The newest guests are the ones that something happens to. */
export function pick(known: Known, random: () => number): Picked {
  const newest = (all: readonly string[]) => all[Math.max(0, all.length - 1 - Math.floor(random() * 25))]
  return {
    table: oneOf<string | undefined>(known.tables, random),
    spare: oneOf<string | undefined>(known.spares, random),
    guest: newest(known.guests),
    reservation: newest(known.reservations),
    made: (path) => newest(known.made[path] ?? []),
    note: `note ${randomUUID()}`,
    random,
    staff: newest(known.staff),
    toRename: () => nextOfStaff(known, 'renamed'),
    toSignOut: () => nextOfStaff(known, 'signedOut'),
  }
}

function nextOfStaff({ staff, turns }: Known, what: keyof Known['turns']): string | undefined {
  const id = staff[turns[what]]
  if (id !== undefined) turns[what]++
  return id
}

/** A card as it is sent. */
export interface Played {
  readonly card: Card
  readonly input: Input
  readonly path: string
  readonly body: unknown
}

/** Plays a card; null when what it is for is not there. */
export function playCard(card: Card, picked: Picked): Played | null {
  const input = card.input(picked)
  const body = { ...input }
  let isThere = true
  const path = card.path.replace(/:(\w+)/g, (_, name: string) => {
    delete body[name]
    isThere &&= input[name] !== undefined
    return String(input[name])
  })
  if (!isThere) return null
  const isBare = card.method === 'DELETE' || (card.api === 'ipad' && Object.keys(body).length === 0)
  return { card, input, path, body: isBare ? undefined : body }
}

/**
 * Cards in an order by chance: first one of each, then the others, each as often as it says. When all are played the
 * deck begins anew.
 */
export class Deck {
  readonly #each: readonly Card[]
  readonly #others: readonly Card[]
  #left: Card[] = []

  constructor(each: readonly Card[]) {
    this.#each = each
    this.#others = each.flatMap((card) => Array.from({ length: card.count - 1 }, () => card))
  }

  /** The next card that can be played. */
  next(known: Known, random: () => number): Played {
    for (;;) {
      if (this.#left.length === 0) this.#left = [...shuffled(this.#others, random), ...shuffled(this.#each, random)]
      const played = playCard(this.#left.pop()!, pick(known, random))
      if (played) return played
    }
  }
}

function shuffled<T>(all: readonly T[], random: () => number): T[] {
  const list = [...all]
  for (let n = list.length - 1; n > 0; n--) {
    const other = Math.floor(random() * (n + 1))
    ;[list[n], list[other]] = [list[other]!, list[n]!]
  }
  return list
}

/** Takes note of what a write made. */
export function learn(known: Known, method: string, path: string, id: unknown): void {
  if (method !== 'POST' || typeof id !== 'string') return
  const made: Record<string, string[]> = {
    '/guests': known.guests,
    '/tables': known.spares,
    '/reservations': known.reservations,
    '/staff': known.staff,
  }
  const list = made[path] ?? (/^\/[a-z-]+$/.test(path) ? (known.made[path] ??= []) : undefined)
  // What is sent again gives the same one.
  if (list && !list.includes(id)) list.push(id)
}

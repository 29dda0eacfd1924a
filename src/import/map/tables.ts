import type { Instant } from '../../platform/clock.ts'
import type { TableShape, TableStatus } from '../../tables/rules.ts'
import { onPlan } from '../../old-backend/plan.ts'
import { Fields, type Problem } from '../old/fields.ts'
import { idOf } from '../old/ids.ts'
import type { OldRow } from '../old/database.ts'
import type { Zone } from '../old/times.ts'
import { shapeIn, tableStatusIn } from './vocabulary.ts'

/** A table of the old database, read; who sits there is settled later, with the parties. */
export interface ReadTable {
  readonly old: OldRow
  readonly oldId: string
  readonly id: string
  readonly number: string
  readonly capacity: number
  readonly x: number
  readonly y: number
  readonly shape: TableShape
  readonly section: string | null
  readonly status: TableStatus
  /** What it names as its guest, as stored. */
  readonly names: string | null
  /** False: it was removed there. */
  readonly isActive: boolean
  readonly createdAt: Instant
  readonly updatedAt: Instant
  readonly problems: Problem[]
  readonly lost: boolean
}

const NUMBER_CHARACTERS = 20

/** Reads a table. `otherwise` is when it was made if it doesn't say. */
export function readTable(old: OldRow, oldId: string, zone: Zone, otherwise: Instant): ReadTable {
  const f = new Fields(old, zone)
  const stamps = f.stamps(otherwise)
  const capacity = f.int('capacity')
  if (capacity === undefined) f.wrong('capacity is no whole number', 'taken as 4')
  const number = f.text('table_number', NUMBER_CHARACTERS)
  if (number === null) f.wrong('table_number is missing', 'numbered ?')
  const table = {
    old,
    oldId,
    id: idOf('restaurant_tables', oldId),
    number: number ?? '?',
    capacity: capacity ?? 4,
    ...placeOf(f),
    shape: wordIn(f, 'shape', shapeIn, 'round'),
    section: f.text('section', 100),
    status: wordIn(f, 'status', tableStatusIn, 'available'),
    names: f.word('current_guest_id'),
    isActive: f.flag('is_active', true),
    ...stamps,
  }
  return { ...table, problems: f.problems, lost: f.lost }
}

function placeOf(f: Fields): { x: number; y: number } {
  const given = { x: f.number('position_x'), y: f.number('position_y') }
  if (given.x === undefined || given.y === undefined)
    f.wrong('the position is no pair of numbers', 'in the middle where it is none')
  const { x = 0.5, y = 0.5 } = given
  const place = onPlan({ x, y })
  if (place.x !== x || place.y !== y)
    f.wrong(`the position (${x}, ${y}) is outside 0 to 1`, `read as pixels of 800 by 600: (${place.x}, ${place.y})`)
  return place
}

/** A word of a column in any spelling. Nothing at all means the old server's own default. */
export function wordIn<Word extends string>(
  f: Fields,
  column: string,
  read: (text: string) => Word | undefined,
  otherwise: Word,
): Word {
  const text = f.word(column)
  if (text === null) return otherwise
  const word = read(text)
  if (word !== undefined) return word
  f.wrong(`${column} ${JSON.stringify(text.slice(0, 40))} is not known`, `taken as ${otherwise}`)
  return otherwise
}

/** Gives every table a number of its own: the one made first keeps it, the others become `12 (2)`, `12 (3)`. */
export function numberApart(tables: readonly ReadTable[], taken: ReadonlySet<string> = new Set()): ReadTable[] {
  const order = [...tables].sort((a, b) =>
    a.createdAt !== b.createdAt ? (a.createdAt < b.createdAt ? -1 : 1) : a.id < b.id ? -1 : 1,
  )
  const wanted = new Set(tables.map(({ number }) => number))
  const used = new Set(taken)
  return order.map((table) => {
    if (!used.has(table.number)) {
      used.add(table.number)
      return table
    }
    let number = table.number
    for (let n = 2; used.has(number) || wanted.has(number); n++) {
      const suffix = ` (${n})`
      number =
        Array.from(table.number)
          .slice(0, NUMBER_CHARACTERS - suffix.length)
          .join('') + suffix
    }
    used.add(number)
    const problem = {
      wrong: `the number ${JSON.stringify(table.number)} is another table's too`,
      done: `numbered ${JSON.stringify(number)}`,
    }
    return { ...table, number, problems: [...table.problems, problem] }
  })
}

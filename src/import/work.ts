import type { Db, Tx } from '../platform/database/db.ts'
import type { Clock, Instant } from '../platform/clock.ts'
import { isId } from '../platform/ids.ts'
import { wordOf } from './old/fields.ts'
import { idOf } from './old/ids.ts'
import type { Emails } from './map/staff.ts'
import type { OldDatabase, OldKind, OldRow } from './old/database.ts'
import type { Progress } from './progress.ts'
import type { Report, Tally } from './report.ts'
import type { Mapped } from './old/rows.ts'
import type { Zone } from './old/times.ts'

/** What the whole import works with. */
export interface Import {
  readonly db: Db
  readonly source: OldDatabase
  readonly zone: Zone
  readonly clock: Clock
  readonly report: Report
  readonly progress: Progress
  readonly emails: Emails
  readonly ids: Ids
  readonly dryRun: boolean
  readonly onlyMissing: boolean
}

/** How a restaurant is brought over: it is not there yet; it is as an import left it; it is there and only what it lacks is added. */
export type Mode = 'new' | 'refresh' | 'missing'

/** One restaurant under way, in its transaction. */
export interface Work extends Import {
  readonly tx: Tx
  readonly mode: Mode
  readonly restaurantId: string
  readonly oldRestaurantId: string
  /** When the restaurant was made: for rows that don't say when they were. */
  readonly otherwise: Instant
  readonly now: Instant
  readonly tally: Tally
}

/** Which row has an id, when several have one that differs in case only. */
export class Ids {
  readonly #twins: ReadonlyMap<OldKind, ReadonlyMap<string, boolean>>
  readonly #given = new Set<string>()

  constructor(twins: ReadonlyMap<OldKind, ReadonlyMap<string, boolean>>) {
    this.#twins = twins
  }

  /** The row's id as stored there, or why it can have none. To be asked once for each row. */
  of(kind: OldKind, row: OldRow): { oldId: string } | { why: string } {
    const oldId = wordOf(row['id'])
    if (oldId === null) return { why: 'it has no id' }
    const lower = oldId.toLowerCase()
    const hasLower = this.#twins.get(kind)?.get(lower)
    if (hasLower === undefined || !isId(lower)) return { oldId }
    const key = `${kind} ${lower}`
    if (hasLower ? oldId !== lower : this.#given.has(key)) return { why: 'another row has the same id in another case' }
    this.#given.add(key)
    return { oldId }
  }
}

/** Reads a row's id; sets the row aside when it can have none. */
export function identify(work: Pick<Work, 'ids' | 'report' | 'tally'>, kind: OldKind, row: OldRow): string | null {
  work.tally[kind].read++
  const id = work.ids.of(kind, row)
  if ('oldId' in id) return id.oldId
  setAside(work, kind, row, id.why)
  return null
}

export function setAside(work: Pick<Work, 'report' | 'tally'>, kind: OldKind, row: OldRow, why: string): void {
  work.tally[kind].setAside++
  work.report.setAside(kind, row, why)
}

/** Counts and reports rows that were offered to QTable, of which it took those in `stored`. */
export function account(
  work: Pick<Work, 'report' | 'tally' | 'mode'>,
  kind: OldKind,
  rows: readonly Mapped[],
  stored: ReadonlySet<string>,
): void {
  const counts = work.tally[kind]
  for (const { old, oldId, problems, lost } of rows) {
    const isStored = stored.has(idOf(kind, oldId))
    counts[isStored ? 'imported' : 'unchanged']++
    if (isStored && problems.length > 0) counts.repaired++
    if (!isStored && work.mode === 'missing') continue
    work.report.problems(kind, oldId, problems)
    if (lost) work.report.original(kind, old)
  }
}

/** Notes that a row gets an id that is not letter for letter its old one. */
export function noteId(kind: OldKind, mapped: Mapped): Mapped {
  const id = idOf(kind, mapped.oldId)
  if (id !== mapped.oldId) {
    const wrong = id === mapped.oldId.toLowerCase() ? 'the id is in upper case' : 'the id is no UUID'
    mapped.problems.unshift({ wrong, done: `its id is ${id} now` })
  }
  return mapped
}

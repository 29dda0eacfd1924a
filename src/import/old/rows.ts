import type { Problem } from './fields.ts'
import type { OldRow } from './database.ts'

/** A row for a table of QTable: its columns by name. */
export type FloorRow = Record<string, unknown>

/** A row of the old database and what becomes of it. */
export interface Mapped {
  readonly old: OldRow
  readonly oldId: string
  readonly row: FloorRow
  readonly problems: Problem[]
  /** Something of it was cut off. */
  readonly lost: boolean
}

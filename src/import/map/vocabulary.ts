import type { Role } from '../../changes/command/command.ts'
import { TABLE_SHAPES, TABLE_STATUSES, type TableShape, type TableStatus } from '../../tables/rules.ts'

/** The words of the old database, in any spelling, for those inside. Statuses of parties are in old-backend/statuses.ts. */

const plain = (text: string): string => text.toLowerCase().replace(/[\s_-]/g, '')

const statuses = new Map<string, TableStatus>([
  ...TABLE_STATUSES.map((status) => [plain(status), status] as const),
  ['cleaning', 'needs_cleaning'],
])
const shapes = new Map<string, TableShape>(TABLE_SHAPES.map((shape) => [plain(shape), shape]))
// The old roles were never looked at; staff had the fewest rights by name.
const roles = new Map<string, Role>([
  ['owner', 'owner'],
  ['manager', 'manager'],
  ['staff', 'host'],
  ['host', 'host'],
])

export const tableStatusIn = (text: string): TableStatus | undefined => statuses.get(plain(text))
export const shapeIn = (text: string): TableShape | undefined => shapes.get(plain(text))
export const roleIn = (text: string): Role | undefined => roles.get(plain(text))

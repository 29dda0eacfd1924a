import { z } from 'zod'
import { idField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { LostRace, type Write } from '../changes/command/command.ts'
import type { Floor, States } from './rules.ts'

/**
 * What a command has locked, for the rules to decide about. They look at the rows that the command locks and at no others,
 * unless a party moved while its lock was waited for: its table is another one then, and the command runs again.
 */
export const lockedFloor = ({ locked }: Write): Floor => ({
  get<K extends keyof States>(kind: K, id: string | null): States[K] | undefined {
    if (id === null) return undefined
    const row = locked.of<States[K]>(kind, id)
    if (row === undefined) throw new LostRace(`this ${kind} is not locked`)
    return row ?? undefined
  },
})

/** Further tables that are joined to the one that a party takes. */
export const joinedField = z.array(idField).max(limits.joinedTables).optional()

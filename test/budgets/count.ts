import { capture } from './captured.ts'
import type { Budget } from './budgets.ts'

/** What `work` sends to the database. */
export async function count(work: () => Promise<unknown>): Promise<Budget> {
  const sent = await capture(work)
  return { statements: sent.length, trips: new Set(sent.map(({ trip }) => trip)).size }
}

import { capture } from '../../bench/captured.ts'
import type { Budget } from './budgets.ts'

/** What `work` sends to the database. */
export async function count(work: () => Promise<unknown>): Promise<Budget> {
  const sent = await capture(work)
  if (process.env['SHOW'])
    console.log(
      sent.map(({ text, trip }) => trip + ' ' + text.slice(0, 150).replaceAll('\n', ' ')).join('\n'),
      '\n====',
    )
  return { statements: sent.length, trips: new Set(sent.map(({ trip }) => trip)).size }
}

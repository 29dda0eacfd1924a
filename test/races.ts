import { expect } from 'vitest'
import type { Restaurant } from './kit.ts'

/** Races for what only one can have. */

/** Everyone asks for the free table at once: one gets it, the others are shown the table as it is. Gives the winner. */
export async function raceForTable(
  restaurant: Pick<Restaurant, 'v2'>,
  racers: readonly string[],
  table: string,
): Promise<string> {
  const answers = await Promise.all(racers.map((id) => restaurant.v2('POST', `/guests/${id}/seat`, { tableId: table })))
  const winners = answers.filter(({ status }) => status === 200)
  expect(winners, 'winners of a race for a table').toHaveLength(1)
  const winner: string = winners[0]!.body.result.id
  for (const { status, body } of answers.filter((answer) => answer.status !== 200)) {
    expect(status).toBe(409)
    expect(body).toMatchObject({ code: 'table-not-free', table: { id: table, status: 'occupied', guestId: winner } })
  }
  return winner
}

/** So many edits of a guest at once by those who saw the same version: one is done, the others are shown the guest as it is. */
export async function raceForVersion(
  restaurant: Pick<Restaurant, 'v2'>,
  guest: { readonly id: string; readonly version: number },
  racers: number,
): Promise<void> {
  const edits = Array.from({ length: racers }, (_, n) => ({
    notes: `edit ${n} of version ${guest.version}`,
    version: guest.version,
  }))
  const answers = await Promise.all(edits.map((body) => restaurant.v2('PATCH', `/guests/${guest.id}`, body)))
  const winners = answers.filter(({ status }) => status === 200)
  expect(winners, 'edits of one version that were done').toHaveLength(1)
  const done = winners[0]!.body.result
  for (const { status, body } of answers.filter((answer) => answer.status !== 200)) {
    expect(status).toBe(409)
    expect(body).toMatchObject({ code: 'version-conflict', guest: { id: guest.id, notes: done.notes } })
  }
}

import { expect, test } from 'vitest'
import { canFollow, canSeat, PARTY_STATUSES, partyStatuses, isOver, keepsTable } from './rules.ts'

test('G3: every status has a rule, may follow itself, and leads to known ones only', () => {
  expect(Object.keys(partyStatuses).sort()).toEqual([...PARTY_STATUSES].sort())
  for (const status of PARTY_STATUSES) {
    expect(canFollow(status, status), status).toBe(true)
    for (const next of partyStatuses[status].next) expect(PARTY_STATUSES).toContain(next)
  }
})

test('G3: no status is a trap: from each there is a way back to the waitlist, and to every ending', () => {
  const reach = (from: string, seen = new Set([from])): Set<string> => {
    for (const next of partyStatuses[from as keyof typeof partyStatuses].next)
      if (!seen.has(next)) reach(next, seen.add(next))
    return seen
  }
  for (const status of PARTY_STATUSES) expect(reach(status).size, status).toBe(PARTY_STATUSES.length)
})

test('G3: who is seated or gone is not seatable, and only seated guests finish', () => {
  for (const status of PARTY_STATUSES) {
    expect(canSeat(status)).toBe(status !== 'seated' && !isOver(status))
    expect(canFollow(status, 'finished')).toBe(status === 'seated' || status === 'finished')
  }
})

test('G10: a table is kept until the seat is left or the visit ends', () => {
  for (const from of PARTY_STATUSES)
    for (const to of PARTY_STATUSES) {
      const gone = ['finished', 'cancelled', 'no_show'].includes(to) || (from === 'seated' && to !== 'seated')
      expect(keepsTable(from, to), `${from} to ${to}`).toBe(!gone)
    }
})

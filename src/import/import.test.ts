import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clockOf, type Instant } from '../platform/clock.ts'
import { isId } from '../platform/ids.ts'
import { PARTY_STATUSES, isOver } from '../parties/rules.ts'
import { TABLE_STATUSES } from '../tables/rules.ts'
import { idOf } from './old/ids.ts'
import { readOptions } from './options.ts'
import { keyOf, pairUp, type PartyClaim, type TableClaim } from './map/pairs.ts'
import { Progress } from './progress.ts'
import { instantIn, isZone, Zone } from './old/times.ts'

const tableIds = ['t1', 't2', 't3']
const partyIds = ['p1', 'p2', 'p3', 'p4']
const kind = fc.constantFrom('guest' as const, 'reservation' as const)
const time = fc
  .constantFrom('2026-01-01T00:00:00.000000Z', '2026-01-02T00:00:00.000000Z')
  .map((text) => text as Instant)
const names = fc.option(
  fc.oneof(
    fc.record({ kind, id: fc.constantFrom(...partyIds, 'p9') }),
    fc.constant({ nobody: 'names nobody that is there' }),
  ),
  { nil: null },
)
const tables = fc.tuple(
  ...tableIds.map((id) =>
    fc.record({ id: fc.constant(id), number: fc.constant(id), status: fc.constantFrom(...TABLE_STATUSES), names }),
  ),
)
const at = fc.option(
  fc.oneof(
    fc.constantFrom(...tableIds).map((tableId) => ({ tableId })),
    fc.constant({ nowhere: 'it names a table that is not there' }),
  ),
  { nil: null },
)
const parties = fc.tuple(
  ...partyIds.map((id) =>
    fc.record({
      kind,
      id: fc.constant(id),
      status: fc.constantFrom(...PARTY_STATUSES),
      at,
      seatedTime: fc.option(time, { nil: null }),
      updatedAt: time,
    }),
  ),
)

test('I5: whatever tables and parties say of each other, they end in pairs, and whatever changes is told', () => {
  fc.assert(
    fc.property(tables, parties, (tables: TableClaim[], parties: PartyClaim[]) => {
      const placed = pairUp(tables, parties)
      for (const table of tables) {
        const { party, status, problems } = placed.tables.get(table.id)!
        if (party) expect(placed.parties.get(keyOf(party))!.tableId).toBe(table.id)
        if (party) expect(status).not.toBe('available')
        if (!party) expect(status).not.toBe('occupied')
        const said = table.names && 'kind' in table.names ? keyOf(table.names) : table.names && 'nobody'
        if ((party ? keyOf(party) : null) !== said || status !== table.status)
          expect(problems.length).toBeGreaterThan(0)
      }
      for (const party of parties) {
        const { tableId, status, problems } = placed.parties.get(keyOf(party))!
        if (tableId !== null) expect(keyOf(placed.tables.get(tableId)!.party!)).toBe(keyOf(party))
        if (tableId !== null) expect(isOver(status)).toBe(false)
        const said = party.at && 'tableId' in party.at ? party.at.tableId : party.at && 'nowhere'
        if (tableId !== said || status !== party.status) expect(problems.length).toBeGreaterThan(0)
        // Nobody is made to be somewhere, and only who is thrown off a seat waits again.
        if (status !== party.status)
          expect([party.kind, party.status, status, tableId]).toEqual(['guest', 'seated', 'waitlist', null])
      }
    }),
    { numRuns: 2_000 },
  )
})

test('I2: ids that are UUIDs stay, in lower case; any other gets one that is the same every time', () => {
  const id = '0B5C2F6E-7B1A-4E0B-9C57-0A8F5F3C1D22'
  expect(idOf('guests', id)).toBe(id.toLowerCase())
  expect(idOf('guests', id.toLowerCase())).toBe(id.toLowerCase())
  fc.assert(
    fc.property(fc.string(), (old) => {
      expect(isId(idOf('guests', old))).toBe(true)
      expect(idOf('guests', old)).toBe(idOf('guests', old))
    }),
  )
  expect(idOf('guests', '7')).toBe('17d1977b-6e4f-5116-9d66-c04869da1b72')
  expect(idOf('reservations', '7')).not.toBe(idOf('guests', '7'))
})

test('I9: texts of times are read as they are meant, or not at all', () => {
  const [utc, berlin] = [new Zone('UTC'), new Zone('Europe/Berlin')]
  expect(instantIn(utc, '2026-07-01 12:00:00')).toBe('2026-07-01T12:00:00.000000Z')
  expect(instantIn(berlin, '2026-07-01T12:00:00.5')).toBe('2026-07-01T10:00:00.500000Z')
  expect(instantIn(berlin, '2026-01-01T12:00:00.123456789')).toBe('2026-01-01T11:00:00.123456Z')
  expect(instantIn(berlin, '2026-07-01T12:00:00Z')).toBe('2026-07-01T12:00:00.000000Z')
  expect(instantIn(berlin, '2026-07-01 12:00:00-03:30')).toBe('2026-07-01T15:30:00.000000Z')
  expect(instantIn(berlin, '2026-07-01')).toBe('2026-06-30T22:00:00.000000Z')
  for (const none of [
    '',
    'tonight',
    'infinity',
    '2026-02-30T00:00:00',
    '2026-13-01',
    '0000-01-01',
    '2026-01-01T24:00:00',
    '0044-03-15T00:00:00 BC',
    '99999-01-01',
  ])
    expect(instantIn(utc, none), none).toBeUndefined()
  expect(['UTC', 'Europe/Berlin', 'US/Eastern', 'Mars/Olympus', '+02:00', 'localtime', ''].map(isZone)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ])
})

test('I1: the address of the old database is read as old settings have it', () => {
  const from = (text: string) => {
    const read = readOptions(['--from', text])
    return read !== 'help' && 'options' in read ? read.options.from : null
  }
  expect(from('postgresql+asyncpg://a:b@h/d')).toEqual({ kind: 'postgresql', url: 'postgresql://a:b@h/d' })
  expect(from('sqlite+aiosqlite:////srv/old.db')).toEqual({ kind: 'sqlite', path: '/srv/old.db' })
  expect(from('sqlite:///srv/old.db')).toEqual({ kind: 'sqlite', path: '/srv/old.db' })
  expect([from('mysql://x'), from('sqlite://'), from('postgresql://')]).toEqual([null, null, null])
})

test('I1: a bar on a terminal, a line every few seconds elsewhere', () => {
  let now = 0
  const clock = clockOf(() => new Date((now += 1_000)).toISOString().replace('Z', '000Z') as Instant)
  const shown = (isTTY: boolean) => {
    let text = ''
    const progress = new Progress({ isTTY, write: (more: string) => (text += more) }, clock, 10)
    for (let i = 0; i < 10; i++) progress.step(1)
    progress.say('a line')
    progress.end()
    return text
  }
  expect(shown(true)).toContain('\r\u001b[K[###')
  expect(shown(true)).toMatch(/\r\u001b\[Ka line\n$/)
  expect(shown(false).split('\n')).toEqual([
    '  3 of 10 rows, 30 %, 3 s',
    '  6 of 10 rows, 60 %, 6 s',
    '  9 of 10 rows, 90 %, 9 s',
    'a line',
    '',
  ])
})

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { plusMillis, type Instant } from '../../platform/clock.ts'
import { nextServer, rotation, weightOf, type ServedParty, type ServerState } from './rules.ts'

const START = '2026-11-23T17:00:00.000000Z' as Instant
const at = (minute: number): Instant => plusMillis(START, minute * 60_000)
const server = (id: string, more: Partial<ServerState> = {}): ServerState => ({
  id,
  name: id,
  joinedAt: START,
  cutAt: null,
  skippedAt: null,
  ...more,
})
const party = (serverId: string | null, partySize: number, minute: number): ServedParty => ({
  serverId,
  partySize,
  seatedTime: at(minute),
})
const first = (servers: readonly ServerState[], parties: readonly ServedParty[]) =>
  rotation(servers, parties, START)[0]!

/** Seats parties one after the other with whoever is next, one a minute; what every server got. */
function evening(servers: readonly ServerState[], sizes: readonly number[], from = 0): ServedParty[] {
  const parties: ServedParty[] = []
  for (const [n, size] of sizes.entries()) {
    const here = servers.filter(({ joinedAt }) => joinedAt === null || joinedAt <= at(from + n))
    parties.push(party(nextServer(rotation(here, parties, START)), size, from + n))
  }
  return parties
}
const covers = (parties: readonly ServedParty[], id: string) =>
  parties.reduce((sum, { serverId, partySize }) => sum + (serverId === id ? partySize : 0), 0)

test('Y16: the next server has the fewest covers, then the longest wait, and the turn says which', () => {
  const [ana, ben] = [server('ana'), server('ben')]
  expect(first([ana, ben], [party('ana', 4, 1), party('ben', 2, 2)])).toMatchObject({
    serverId: 'ben',
    place: 1,
    reason: 'fewest-covers',
    covers: 2,
    parties: 1,
    lastSeatedAt: at(2),
    load: 2,
  })
  expect(first([ana, ben], [party('ben', 2, 1), party('ana', 2, 2)])).toMatchObject({
    serverId: 'ben',
    reason: 'longest-since-seating',
  })
  expect(first([server('ana', { joinedAt: at(1) }), ben], [])).toMatchObject({
    serverId: 'ben',
    reason: 'joined-first',
  })
  expect(first([ana], [])).toMatchObject({ serverId: 'ana', reason: 'last-in-line' })
  expect(nextServer(rotation([], [], START))).toBeNull()
  // Yesterday's parties don't count, nor those of nobody or of a server who is gone.
  const others = [
    party('ana', 9, -60),
    party(null, 9, 1),
    party('gone', 9, 2),
    { ...party('ana', 9, 0), seatedTime: null },
  ]
  expect(first([ana, ben], [...others, party('ben', 2, 3)])).toMatchObject({ serverId: 'ana', covers: 0, parties: 0 })
})

test('Y16: the covers of a large party above the sixth count half again', () => {
  expect([1, 6, 7, 10].map(weightOf)).toEqual([1, 6, 7.5, 12])
  const parties = [party('ana', 10, 1), party('ben', 6, 2), party('ben', 5, 3)]
  expect(first([server('ana'), server('ben')], parties)).toMatchObject({ serverId: 'ben', covers: 11, load: 11 })
})

test('Y17: cut servers and those without an open section get nobody', () => {
  const servers = [server('ana', { cutAt: at(9) }), server('ben', { joinedAt: null }), server('cleo')]
  expect(
    rotation(servers, [party('cleo', 8, 1)], START).map(({ serverId, place, absence }) => [serverId, place, absence]),
  ).toEqual([
    ['cleo', 1, null],
    ['ben', null, 'no-open-section'],
    ['ana', null, 'cut'],
  ])
  expect(nextServer(rotation(servers.slice(0, 2), [], START))).toBeNull()
})

test('Y18: a server who was skipped is passed over until somebody else got a party', () => {
  const [ana, ben] = [server('ana', { skippedAt: at(5) }), server('ben')]
  const before = [party('ben', 4, 1)]
  expect(first([ana, ben], before)).toMatchObject({ serverId: 'ben', reason: 'others-skipped', isSkipped: false })
  expect(first([ana, ben], [...before, party('ben', 4, 6)])).toMatchObject({ serverId: 'ana', isSkipped: false })
  expect(first([ana, ben], [...before, party('ana', 2, 6)])).toMatchObject({ serverId: 'ben' })
  // When everybody was, they are by turns.
  expect(first([ana, server('ben', { skippedAt: at(6) })], before)).toMatchObject({ serverId: 'ana', isSkipped: true })
})

test('Y19: a server who joins late starts level with whoever has the fewest', () => {
  const late = server('cleo', { joinedAt: at(3) })
  const parties = [party('ana', 8, 1), party('ben', 6, 2), party('ben', 4, 4)]
  expect(
    rotation([server('ana'), server('ben'), late], parties, START).map(({ serverId, load }) => [serverId, load]),
  ).toEqual([
    ['cleo', 6],
    ['ana', 9],
    ['ben', 10],
  ])
})

test('Y19: whoever was cut does not count for that', () => {
  const servers = [server('ana', { cutAt: at(2) }), server('ben'), server('cleo', { joinedAt: at(3) })]
  expect(rotation(servers, [party('ben', 8, 1)], START).map(({ serverId, load }) => [serverId, load])).toEqual([
    ['cleo', 9],
    ['ben', 9],
    ['ana', 0],
  ])
})

const seed = Number(process.env['ROTATION_SEED'] ?? Date.now() % 1_000_000)
const runs = { seed, numRuns: Number(process.env['ROTATION_RUNS'] ?? 200) }
const sizes = (max: number, maxLength = 120) => fc.array(fc.integer({ min: 1, max }), { minLength: 1, maxLength })
const many = fc.integer({ min: 1, max: 8 })
const named = (count: number) => Array.from({ length: count }, (_, n) => server(`s${n}`))

test(`Y16: an even evening gives all servers the same covers within one party (seed ${seed})`, () => {
  fc.assert(
    fc.property(many, sizes(6), (count, all) => {
      const servers = named(count)
      const parties = evening(servers, all)
      const got = servers.map(({ id }) => covers(parties, id))
      expect(Math.max(...got) - Math.min(...got)).toBeLessThanOrEqual(Math.max(...all))
    }),
    runs,
  )
})

test(`Y16: nobody starves: between two parties of a server the others get only so many (seed ${seed})`, () => {
  fc.assert(
    fc.property(many, sizes(12), (count, all) => {
      const servers = named(count)
      const parties = evening(servers, all)
      const most = (count - 1) * (weightOf(Math.max(...all)) + 1)
      for (const { id } of servers) {
        let waited = 0
        for (const { serverId } of parties) {
          waited = serverId === id ? 0 : waited + 1
          expect(waited).toBeLessThanOrEqual(most)
        }
      }
    }),
    runs,
  )
})

test(`Y17, Y19: whoever is cut gets nobody, and whoever joins late is not flooded (seed ${seed})`, () => {
  fc.assert(
    fc.property(many, sizes(6, 60), sizes(6, 60), fc.integer({ min: 0, max: 7 }), (count, early, late, cut) => {
      const servers = [...named(count), server('late', { joinedAt: at(early.length) })]
      const isCut = (n: number) => n === cut && cut < count
      const before = evening(servers.slice(0, count), early)
      const parties = [...before]
      const now = servers.map((each, n) => (isCut(n) ? { ...each, cutAt: at(early.length) } : each))
      for (const [n, size] of late.entries())
        parties.push(party(nextServer(rotation(now, parties, START)), size, early.length + n))
      const got = (id: string) => covers(parties, id) - covers(before, id)
      if (cut < count) expect(got(`s${cut}`)).toBe(0)
      const there = now.filter(({ id, cutAt }) => id !== 'late' && cutAt === null)
      // One who had more than the others may get nobody for as long as one party takes.
      for (const { id } of there) expect(got('late') - got(id)).toBeLessThanOrEqual(2 * 6)
    }),
    runs,
  )
})

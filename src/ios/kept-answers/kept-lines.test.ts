import { expect, test } from 'vitest'
import { instantOfMicros, microsOf, type Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import { Floor, type EntityValue } from '../../changes/floor/floor.ts'
import type { Entry } from '../../changes/log/log.ts'
import { arrayOf, listOn, MINUTES, minutesBetweenMicros, sheetOf, type Form, type Line } from './kept-lines.ts'
import { randomFrom } from '../../../test/random.ts'

/** Answers put together from pieces of the last one, against answers written from nothing. */

interface Guest extends EntityValue {
  readonly name: string
  readonly rank: string
  readonly waits: Instant | null
}

const START = microsOf('2026-11-28T18:00:00.000000Z' as Instant)
const MINUTE = 60_000_000
const later = (minutes: number): Instant => instantOfMicros(START + minutes * MINUTE)
let written = 0

const form = (kind: string): Form<Guest> => ({
  kind,
  order: ({ rank, id }) => rank + id,
  compare: (a, b) => (a < b ? 1 : a > b ? -1 : 0),
  write({ id, name, waits }): Line {
    written++
    const text = waits === null ? JSON.stringify({ id, name }) : `{"id":"${id}","waits":${MINUTES}}`
    return { text, word: waits === null ? name.slice(0, 1) : 'waits', counts: waits }
  },
})
const [guests, tables] = [form('guest'), form('table')]

/** What the sheet must say, from nothing. */
function plain(floor: Floor, one: Form<Guest>, { horizon, now }: { horizon: Instant; now: Instant }) {
  const values = [...floor.entities]
    .filter(({ kind, endedAt }) => kind === one.kind && (endedAt === null || endedAt >= horizon))
    .map(({ json }) => JSON.parse(json) as Guest)
    .sort((a, b) => one.compare(one.order(a), one.order(b)))
  const lines = values.map((value) => one.write(value))
  let minutes = 0
  const texts = lines.map(({ text, counts }) => {
    if (counts === null) return { text }
    const own = minutesBetweenMicros(microsOf(counts), microsOf(now))
    minutes += own
    return { text: text.replace(MINUTES, String(own)) }
  })
  const words = new Map<string, number>()
  for (const { word } of lines) words.set(word, (words.get(word) ?? 0) + 1)
  return { text: arrayOf(texts), words, minutes }
}

const emptyFloor = () => new Floor({ epoch: 'e', seq: 0, at: later(0), horizon: later(-60) }, [])

function change(floor: Floor, entries: readonly Entry[], at: Instant): void {
  const { epoch, seq } = floor.standing
  const command = { command: 'c', mutationId: null, actorId: null, device: null }
  floor.apply({ restaurantId: 'r', epoch, seq: seq + 1, at, ...command, entries })
}

const put = (kind: string, value: Guest): Entry => ({
  op: 'put',
  kind,
  id: value.id,
  event: 'edited',
  version: value.version,
  value,
})

const TIMES = Number(process.env['SHEETS'] ?? 20)
const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

test(`K1: ${TIMES} floors that change at random are answered as if each answer were written from nothing (seed ${seed})`, () => {
  const random = randomFrom(seed)
  const pick = (most: number) => Math.floor(random() * most)
  for (let time = 0; time < TIMES; time++) {
    const floor = emptyFloor()
    let minute = 0
    for (let step = 0; step < 60; step++) {
      const count = random() < 0.03 ? 2 * limits.floorTouches + pick(50) : pick(4)
      const entries = Array.from({ length: count }, (): Entry => {
        const kind = random() < 0.7 ? 'guest' : 'table'
        const id = `${pick(12)}`
        if (random() < 0.2) return { op: 'drop', kind, id, event: 'gone', version: step }
        const waits = random() < 0.4 ? later(minute - pick(3)) : null
        const endedAt = random() < 0.2 ? later(minute - pick(70)) : null
        const name = ['Ada', 'Bö', 'Čo', '😀'][pick(4)]!
        return put(kind, { id, version: step, name, rank: `${pick(3)}`, waits, endedAt })
      })
      change(floor, entries, later(minute))
      if (random() < 0.3) minute += pick(20)
      if (random() < 0.1) floor.letGo(later(minute - 60))
      // Not every state is asked for, and clocks may be set back.
      if (random() < 0.3) continue
      const moment = { horizon: later(minute - 60 - pick(3)), now: later(random() < 0.05 ? minute - 5 : minute) }
      expect(listOn(floor, 'list', guests, moment).toString('utf8')).toBe(plain(floor, guests, moment).text)
      const sheet = sheetOf(floor, 'both')
      const [first, second] = [sheet.section(floor, guests, moment), sheet.section(floor, tables, moment)]
      const [people, places] = [plain(floor, guests, moment), plain(floor, tables, moment)]
      const said = sheet.write('{"a":[', first, '],"b":[', second, `],"at":${step}}`).toString('utf8')
      expect(said).toBe(`{"a":${people.text},"b":${places.text},"at":${step}}`)
      expect([[...first.words], first.minutes, first.rows.length]).toEqual([
        [...people.words],
        people.minutes,
        JSON.parse(people.text).length,
      ])
    }
  }
})

test('K2: after a change an answer is written for what was changed and nothing else; the same floor gives the same bytes', () => {
  const floor = emptyFloor()
  const guest = (n: number, name: string): Guest => ({ id: `${n}`, version: 1, name, rank: `${n}`, waits: later(0) })
  const many = Array.from({ length: 2_000 }, (_, n) => put('guest', guest(n, 'Ada')))
  change(floor, many.slice(0, 999), later(0))
  change(floor, many.slice(999), later(0))
  const moment = { horizon: later(-60), now: later(0) }
  const before = listOn(floor, 'list', guests, moment)
  const writes = (work: () => void) => {
    const began = written
    work()
    return written - began
  }
  expect(writes(() => expect(listOn(floor, 'list', guests, moment)).toBe(before))).toBe(0)
  change(floor, [put('table', guest(1, 'of no guest'))], later(0))
  expect(writes(() => expect(listOn(floor, 'list', guests, moment)).toBe(before))).toBe(0)
  change(floor, [put('guest', { ...guest(7, 'Bea'), waits: null })], later(0))
  expect(writes(() => expect(listOn(floor, 'list', guests, moment).toString()).toContain('Bea'))).toBe(1)
  // Each minute is written once for those who wait.
  expect(writes(() => listOn(floor, 'list', guests, { ...moment, now: later(1) }))).toBe(1_999)
  expect(writes(() => listOn(floor, 'list', guests, { ...moment, now: later(1.5) }))).toBe(0)
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { names, someInput, someOperation, type Operation } from '../test/combinations.ts'
import { doSomething, openTestDevice, shownFloor, until } from '../test/devices.ts'
import { mutation } from '../test/floors.ts'
import { startApp, type Answer, type Restaurant, type TestApp } from '../test/kit.ts'
import { upTo } from '../test/patience.ts'
import { randomFrom } from '../test/random.ts'
import { plannedTable } from '../src/floor/arrange-tables.ts'
import { nouns } from '../src/floor/nouns.ts'
import { isInstant } from '../src/platform/clock.ts'
import { newId } from '../src/platform/ids.ts'
import { canonicalJson } from '../src/changes/floor/canonical.ts'
import { lay, replay, type Shown } from './optimistic.ts'
import { Confirmed } from './state.ts'
import type { Snapshot } from './words.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
/** Lists of commands that each test sends. */
const ROUNDS = Number(process.env['COMBINATIONS'] ?? 120)

const isTime = (value: unknown): boolean => typeof value === 'string' && isInstant(value)

/** Without what only the server can know: its times, and the ids it gives. */
function comparable(floor: ReadonlyMap<string, object>): string[] {
  return [...floor.values()]
    .map((value) => {
      const { createdAt: _, updatedAt: __, ...rest } = value as Record<string, unknown>
      const given = Object.entries(rest).map(([name, each]) => [name, isTime(each) ? 'a time' : each])
      const isReservation = 'guestName' in rest
      return canonicalJson({ ...Object.fromEntries(given), ...(isReservation && { id: '' }) })
    })
    .sort()
}

test(
  'D10: what is shown before the server has said is what it then says, and refusals are foreseen',
  async () => {
    console.log(`seed ${seed}`)
    const random = randomFrom(seed)
    const r = await app.restaurant()
    for (let n = 1; n <= 6; n++) await r.table(`${n}`)
    const device = await openTestDevice(app, r)
    const { client } = device
    client.start()
    await until(client, () => client.status === 'live')
    const outcomes = { done: 0, refused: 0, withdrawn: 0 }
    for (let n = 0; n < 250; n++) {
      const sent = doSomething(device, random)
      const [shown, unlikely] = [comparable(shownFloor(client)), client.floor.unlikely.get(sent.id)]
      const settled = await sent.settled
      outcomes[settled.outcome]++
      const context = `step ${n}`
      if (settled.outcome === 'refused') {
        const { code, current } = settled.conflict
        expect(unlikely?.code, context).toBe(code)
        if (current) expect(unlikely?.entity, context).toEqual({ kind: current.kind, id: current.id })
      }
      if (settled.outcome === 'done') expect(unlikely, context).toBeUndefined()
      const seq = settled.outcome === 'done' ? settled.seq : null
      await until(client, () => seq === null || client.confirmed.seq >= seq)
      expect(client.pendingCount, context).toBe(0)
      expect(comparable(shownFloor(client)), context).toEqual(shown)
    }
    console.log(outcomes)
    expect(Math.min(outcomes.done, outcomes.refused)).toBeGreaterThan(10)
    await client.close()
  },
  upTo(60_000),
)

/** A floor with parties that wait and parties that are expected. */
async function furnished(): Promise<Restaurant> {
  const r = await app.restaurant()
  for (let n = 1; n <= 12; n++) {
    await r.table(`${n}`, 1 + (n % 4))
    await r.walkIn(`G${n}`)
    if (n % 2 === 0) await r.v2('POST', '/reservations', { guestName: `R${n}`, partySize: 2 })
  }
  for (let n = 1; n <= 3; n++) {
    await r.v2('POST', '/servers', { name: `S${n}` })
    await r.v2('POST', '/sections', { name: `P${n}` })
    await r.v2('POST', '/plans', { name: `D${n}` })
  }
  return r
}

/** What is shown of the server's own state. */
async function shownOf(r: Restaurant): Promise<Shown> {
  const confirmed = new Confirmed()
  confirmed.take((await r.v2('GET', '/snapshot')).body as Snapshot)
  return replay(confirmed, [])
}

/** Everything that is shown, comparable. A table is named by its number: the server makes the ids of some. */
function all({ view }: Shown): string[] {
  const kinds = nouns.map(({ kind }) => kind)
  const floor = new Map(kinds.flatMap((kind) => [...view.of(kind)].map((value) => [`${kind} ${value.id}`, value])))
  const named = (text: string) =>
    [...view.of('table')].reduce((of, { id, number }) => of.replaceAll(id, `table ${number}`), text)
  return comparable(floor).map(named).sort()
}

let count = 0
/** Lays a command over what is shown. Gives the code that is foreseen. */
function foresee(shown: Shown, { command, input }: Operation): string | null {
  const id = `m${++count}`
  lay(shown, mutation(command, input, id))
  return shown.unlikely.get(id)?.code ?? null
}

/** Plays so many rounds over floors that change, a new one now and then. */
async function rounds(play: (r: Restaurant, shown: Shown, random: () => number, n: number) => Promise<void>) {
  const random = randomFrom(seed)
  let r = await furnished()
  for (let n = 0; n < ROUNDS; n++) {
    if (n % 30 === 29) r = await furnished()
    const shown = await shownOf(r)
    await play(r, shown, random, n)
    expect(all(shown), `round ${n}`).toEqual(all(await shownOf(r)))
  }
}

const named = `(seed ${seed})`

test(
  `D10: of every combination of fields each refusal is foreseen, and what is done is shown ${named}`,
  {
    timeout: upTo(30_000 + 500 * ROUNDS),
  },
  async () => {
    const seen = new Set<string>()
    await rounds(async (r, shown, random, n) => {
      const list = Array.from({ length: 12 }, () => {
        const operation = someOperation(shown.view, random)
        return { operation, code: foresee(shown, operation) }
      })
      const operations = list.map(({ operation }) => operation)
      const { body } = await r.v2('POST', '/each', { operations })
      const codes = (body.result.results as { code?: string }[]).map(({ code }) => code ?? null)
      for (const [index, { operation, code }] of list.entries()) {
        expect(code, `round ${n}: ${JSON.stringify(operation)}`).toBe(codes[index])
        seen.add(`${operation.command} ${code ?? 'done'}`)
      }
    })
    expect(names.filter((name) => !seen.has(`${name} done`))).toEqual([])
    expect(seen.size).toBeGreaterThan(50)
  },
)

/** Sends a list that is done whole or not at all, of at most three `parts`: the last of them may be refused. */
async function expectWhole(
  r: Restaurant,
  shown: Shown,
  part: (of: Shown) => readonly Operation[],
  send: () => Promise<Answer>,
): Promise<string | null> {
  const copy = await shownOf(r)
  const done: Operation[] = []
  let code: string | null = null
  for (let n = 0; n < 3 && code === null; n++) {
    for (const operation of part(copy)) {
      code ??= foresee(copy, operation)
      done.push(operation)
    }
  }
  const { status, body } = await send()
  expect(status === 200 ? null : body.code, JSON.stringify(done)).toBe(code)
  if (code === null) for (const operation of done) foresee(shown, operation)
  return code
}

test(
  `D10, B1: of a batch the refusal is foreseen, or all that is done ${named}`,
  { timeout: upTo(30_000 + 500 * ROUNDS) },
  async () => {
    const codes = new Set<string | null>()
    await rounds(async (r, shown, random) => {
      const operations: Operation[] = []
      const part = ({ view }: Shown) => {
        operations.push(someOperation(view, random))
        return operations.slice(-1)
      }
      codes.add(await expectWhole(r, shown, part, () => r.v2('POST', '/batch', { operations })))
    })
    expect(codes.has(null)).toBe(true)
    expect(codes.size).toBeGreaterThan(5)
  },
)

test(
  `D10, T6: a plan that is stored at once is its tables one after the other ${named}`,
  {
    timeout: upTo(30_000 + 500 * ROUNDS),
  },
  async () => {
    const codes = new Set<string | null>()
    await rounds(async (r, shown, random) => {
      const tables: object[] = []
      const part = (of: Shown) => {
        const item = someInput('arrange-tables', plannedTable.shape, shown.view, random)
        tables.push(item)
        return arranged(of, item)
      }
      codes.add(await expectWhole(r, shown, part, () => r.v2('POST', '/tables/arrange', { tables })))
    })
    expect(codes.has(null)).toBe(true)
    expect(codes.size).toBeGreaterThan(4)
  },
)

/** The commands that one item of a plan comes to. */
function arranged({ view }: Shown, { id, ...change }: Record<string, unknown>): Operation[] {
  const { number, status, partyId, takeOver: _, force: __, ...facts } = change
  if (id === undefined && number === undefined) return []
  const tableId = id ?? [...view.of('table')].find((table) => table.number === number)?.id
  if (tableId !== undefined) return [{ command: 'update-table', input: { tableId, ...change } }]
  const made = newId()
  const add: Operation = { command: 'add-table', input: { id: made, number, capacity: 4, x: 0.5, y: 0.5, ...facts } }
  if (status === undefined && partyId === undefined) return [add]
  return [add, { command: 'update-table', input: { tableId: made, ...change } }]
}

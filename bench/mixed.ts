import { Connection, requestOf } from './connection.ts'
import { median } from './figures.ts'
import { furnish, HOUSES, startServer, type House } from './served.ts'
import { atLeast, atMost, by, row } from './report.ts'

/**
 * Reads while somebody writes: what the first read after a write takes against a repeated one, over one connection, and
 * requests a second of one write to five reads over four endpoints. The server as `npm start` runs it, with the embedded
 * database.
 */

/** Requests a second of the server that QTable replaces, for the same mix. */
const BEFORE = { S: 38, L: 8.2 } as const
const SIZES = by({
  full: { houses: 2, rounds: 5, warmUp: 400, pairs: 60, mixes: 150 },
  quick: { houses: 2, rounds: 3, warmUp: 200, pairs: 30, mixes: 60 },
  short: { houses: 1, rounds: 1, warmUp: 10, pairs: 5, mixes: 10 },
})

/** A house as somebody at one connection uses it. */
interface Floor {
  readonly name: (typeof HOUSES)[number]['name']
  readonly paths: readonly (readonly [name: string, path: string])[]
  /** Each gives the milliseconds until the last byte. */
  readonly read: (by: Connection, path: string) => Promise<number>
  readonly write: (by: Connection) => Promise<number>
}

function floorOf({ restaurantId, token, reads, waiting, tables }: House, name: Floor['name']): Floor {
  const send = async (by: Connection, method: string, path: string, body?: object) => {
    const began = performance.now()
    const status = await by.ask(requestOf(method, path, token, body))
    if (status !== 200) throw new Error(`${method} ${path}: ${status}`)
    return performance.now() - began
  }
  let turn = 0
  return {
    name,
    paths: Object.entries(reads),
    read: (by, path) => send(by, 'GET', path),
    // What hosts do: a note, a party is seated, its table is cleared, it waits again.
    write(by) {
      const [step, n] = [turn % 4, Math.floor(turn++ / 4)]
      const guest = `/restaurants/${restaurantId}/guests/${waiting[n % waiting.length]!}`
      const table = tables[n % tables.length]!
      if (step === 2) return send(by, 'PUT', `/restaurants/${restaurantId}/tables/${table}/clear`)
      const bodies = [{ notes: `note ${turn}` }, { status: 'Seated', table_id: table }, {}, { status: 'Waitlist' }]
      return send(by, 'PUT', guest, bodies[step])
    },
  }
}

/** The first read after a write against repeated ones. */
async function comparePairs({ name: size, paths, read, write }: Floor, by: Connection): Promise<void> {
  for (const [name, path] of paths) {
    const rounds: { first: number; again: number }[] = []
    for (let round = 0; round < SIZES.rounds; round++) {
      const [first, again]: [number[], number[]] = [[], []]
      for (let n = 0; n < SIZES.pairs; n++) {
        await write(by)
        first.push(await read(by, path))
        for (let k = 0; k < 3; k++) again.push(await read(by, path))
      }
      rounds.push({ first: median(first), again: median(again) })
    }
    const of = (figure: (round: (typeof rounds)[number]) => number) => median(rounds.map(figure))
    const [ours, limit] = [of(({ first }) => first), of(({ again }) => again)].map(
      (millis) => `${millis.toFixed(2)} ms`,
    )
    const goal = size === 'L' && !name.startsWith('tables') ? atMost(3) : null
    const what = `${name}, first read after a write, a repeated one`
    row(
      what,
      ours!,
      limit!,
      of(({ first, again }) => first / again),
      goal,
    )
  }
}

/** So often one write and five reads, by each of the connections until all is done. Gives requests a second. */
async function mix({ paths, read, write }: Floor, times: number, connections: readonly Connection[]): Promise<number> {
  const began = performance.now()
  let turn = 0
  const host = async (own: Connection) => {
    while (turn < times) {
      const first = turn++
      await write(own)
      for (let k = 0; k < 5; k++) await read(own, paths[(first + k) % paths.length]![1])
    }
  }
  await Promise.all(connections.map(host))
  return (times * 6_000) / (performance.now() - began)
}

async function compareMix(floor: Floor, connections: readonly Connection[]): Promise<void> {
  const rates: number[] = []
  for (let round = 0; round < SIZES.rounds; round++) rates.push(await mix(floor, SIZES.mixes, connections))
  const [rate, before] = [median(rates), BEFORE[floor.name]]
  const by = connections.length === 1 ? 'one connection' : `${connections.length} connections`
  const what = `one write to five reads ${floor.name}, ${by}, the server before`
  row(what, `${rate.toFixed(0)}/s`, `${before}/s`, rate / before, atLeast(100))
}

const server = await startServer()
try {
  for (const size of HOUSES.slice(0, SIZES.houses)) {
    const floor = floorOf(await furnish(server.base, size), size.name)
    const many = Array.from({ length: 32 }, () => new Connection(Number(new URL(server.base).port)))
    const one = many.slice(0, 1)
    for (const connections of [one, many]) await mix(floor, SIZES.warmUp, connections)
    await comparePairs(floor, one[0]!)
    for (const connections of [one, many]) await compareMix(floor, connections)
    for (const each of many) each.close()
  }
} finally {
  await server.close()
}

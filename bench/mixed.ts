import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { by, effort } from './effort.ts'
import { layOut, median } from './figures.ts'
import { furnish, HOUSES, startOurs } from './read-floor.ts'
import { atLeast, atMost, row } from './report.ts'

/**
 * Reads while somebody writes, over one connection: what the first read after a write takes against a repeated one,
 * and requests a second of one write to five reads over four endpoints. The server as `npm start` runs it, with the
 * embedded database.
 */

/** Requests a second of the server that QTable replaces, for the same mix. */
const BEFORE = { S: 38, L: 8.2 } as const
const CONNECTIONS = 32
const SIZES = by({
  full: { rounds: 5, warmUp: 400, pairs: 60, mixes: 150 },
  quick: { rounds: 3, warmUp: 200, pairs: 30, mixes: 60 },
  short: { rounds: 1, warmUp: 10, pairs: 5, mixes: 10 },
})

interface Answer {
  readonly status: number
  readonly head: string
  /** From the request until the last byte. */
  readonly millis: number
}

/** One connection that is kept, and no more than is needed to know where an answer ends. */
class Connection {
  readonly #socket: Socket
  readonly #token: string

  private constructor(socket: Socket, token: string) {
    this.#socket = socket
    this.#token = token
  }

  static async open(base: string, token: string): Promise<Connection> {
    const { hostname, port } = new URL(base)
    const socket = connect(Number(port), hostname)
    socket.setNoDelay(true)
    await once(socket, 'connect')
    return new Connection(socket, token)
  }

  send(method: string, path: string, body?: object): Promise<Answer> {
    const text = body === undefined ? '' : JSON.stringify(body)
    const type = text && `content-type: application/json\r\ncontent-length: ${text.length}\r\n`
    const head = `${method} ${path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${this.#token}\r\n${type}\r\n`
    const began = performance.now()
    this.#socket.write(head + text)
    return this.#answer(began)
  }

  #answer(began: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let [said, missing, got] = ['', Infinity, 0]
      const hear = (bytes: Buffer) => {
        got += bytes.length
        if (missing === Infinity) {
          said += bytes.toString('latin1')
          const end = said.indexOf('\r\n\r\n')
          if (end < 0) return
          const length = Number(/content-length: (\d+)/i.exec(said)![1])
          missing = end + 4 + length
          said = said.slice(0, end)
        }
        if (got < missing) return
        this.#socket.off('data', hear)
        const status = Number(said.slice(9, 12))
        if (status !== 200) return reject(new Error(said))
        resolve({ status, head: said, millis: performance.now() - began })
      }
      this.#socket.on('data', hear)
    })
  }

  close(): void {
    this.#socket.destroy()
  }
}

type House = Awaited<ReturnType<typeof furnish>>

/** What hosts do, one after the other: a note, a party is seated, its table is cleared, it waits again. */
function writerOf(house: House): (connection: Connection) => Promise<Answer> {
  let turn = 0
  return (connection) => {
    const step = turn % 4
    const n = Math.floor(turn++ / 4)
    const guest = `${house.path}/guests/${house.waiting[n % house.waiting.length]!}`
    const table = house.tables[n % house.tables.length]!
    if (step === 0) return connection.send('PUT', guest, { notes: `note ${turn}` })
    if (step === 1) return connection.send('PUT', guest, { status: 'Seated', table_id: table })
    if (step === 2) return connection.send('PUT', `${house.path}/tables/${table}/clear`)
    return connection.send('PUT', guest, { status: 'Waitlist' })
  }
}

async function pairsOf(
  connection: Connection,
  path: string,
  write: (by: Connection) => Promise<Answer>,
  count: number,
) {
  const [first, again]: [number[], number[]] = [[], []]
  for (let n = 0; n < count; n++) {
    await write(connection)
    first.push((await connection.send('GET', path)).millis)
    for (let k = 0; k < 3; k++) again.push((await connection.send('GET', path)).millis)
  }
  return { first: median(first), again: median(again) }
}

type Size = (typeof HOUSES)[number]
interface Floor {
  readonly size: Size
  readonly paths: readonly (readonly [string, string])[]
  readonly write: (by: Connection) => Promise<Answer>
}

/** So often one write and five reads, by each of the connections until all is done. */
async function mix({ paths, write }: Floor, times: number, connections: readonly Connection[]) {
  const began = performance.now()
  const writes: number[] = []
  let turn = 0
  const host = async (own: Connection) => {
    while (turn < times) {
      const first = turn++
      writes.push((await write(own)).millis)
      for (let k = 0; k < 5; k++) await own.send('GET', paths[(first + k) % paths.length]![1])
    }
  }
  await Promise.all(connections.map(host))
  return { rate: (times * 6_000) / (performance.now() - began), writes: median(writes) }
}

/** The first read after a write against repeated ones. */
async function comparePairs({ size, paths, write }: Floor, connection: Connection): Promise<string[][]> {
  const rows: string[][] = []
  for (const [name, path] of paths) {
    const found = []
    for (let round = 0; round < SIZES.rounds; round++) found.push(await pairsOf(connection, path, write, SIZES.pairs))
    const [first, again] = [median(found.map((one) => one.first)), median(found.map((one) => one.again))]
    const ratio = median(found.map((one) => one.first / one.again))
    rows.push([name, first.toFixed(2), again.toFixed(2), ratio.toFixed(2)])
    const goal = size.name === 'L' && !name.startsWith('tables') ? atMost(3) : null
    const [ours, limit] = [`${first.toFixed(2)} ms`, `${again.toFixed(2)} ms`]
    row(`${name}, first read after a write, a repeated one`, ours, limit, ratio, goal)
  }
  return rows
}

async function compareMix(floor: Floor, connections: readonly Connection[]): Promise<string[]> {
  const found = []
  for (let round = 0; round < SIZES.rounds; round++) found.push(await mix(floor, SIZES.mixes, connections))
  const [rate, writes] = [median(found.map((one) => one.rate)), median(found.map((one) => one.writes))]
  const before = BEFORE[floor.size.name]
  const by = connections.length === 1 ? 'one connection' : `${connections.length} connections`
  const what = `one write to five reads ${floor.size.name}, ${by}`
  row(`${what}, the server before`, `${rate.toFixed(0)}/s`, `${before}/s`, rate / before, atLeast(100))
  return [what, rate.toFixed(0), writes.toFixed(2), (rate / before).toFixed(0)]
}

async function main(): Promise<void> {
  const ours = await startOurs()
  const rows = [['what', 'first ms', 'repeated ms', 'ratio']]
  const mixes = [['what', 'requests/s', 'write ms', 'times before']]
  try {
    for (const size of effort === 'short' ? HOUSES.slice(0, 1) : HOUSES) {
      const house = await furnish(ours.base, size)
      const open = () => Connection.open(ours.base, house.token)
      const floor: Floor = { size, paths: Object.entries(house.reads), write: writerOf(house) }
      const [one, many] = [await open(), await Promise.all(Array.from({ length: CONNECTIONS }, open))]
      for (const connections of [[one], many]) await mix(floor, SIZES.warmUp, connections)
      rows.push(...(await comparePairs(floor, one)))
      for (const connections of [[one], many]) mixes.push(await compareMix(floor, connections))
      for (const each of [one, ...many]) each.close()
    }
  } finally {
    await ours.close()
  }
  process.stdout.write(`Reads while somebody writes\n\n${layOut(rows)}\n\n${layOut(mixes)}\n`)
}

await main()

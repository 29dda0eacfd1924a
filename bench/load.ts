import { connect, type Socket } from 'node:net'
import { drive, figuresOf, type Figures } from './figures.ts'
import type { Where } from './pairs.ts'
import { writer, type Asked } from './requests.ts'

/**
 * The load on the HTTP door, in a process of its own (started by ours.ts), over connections that are kept open. It reads no more of an answer than its status and length, because both share the machine with
 * what is measured.
 */

export interface Job {
  readonly port: number
  /** Of the server. */
  readonly secret: string
  readonly what: Asked
  readonly where: Where
  readonly count: number
  readonly connections: number
  /** How many are begun in a second; as many as can be where it is left out. */
  readonly perSecond?: number | undefined
}

export interface Done {
  readonly figures: Figures
  /** How many were not answered 200. */
  readonly failed: number
}

class Connection {
  readonly #socket: Socket
  #got: Buffer = Buffer.alloc(0)
  #answered: ((status: number) => void) | undefined

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (data: Buffer) => this.#take(data))
    this.#socket.on('error', () => this.#answered?.(0))
  }

  /** Sends a request and gives the status of its answer; 0 when the connection broke. */
  ask(request: string): Promise<number> {
    return new Promise((resolve) => {
      this.#answered = resolve
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(data: Buffer): void {
    this.#got = this.#got.length === 0 ? data : Buffer.concat([this.#got, data])
    const head = this.#got.indexOf('\r\n\r\n')
    if (head < 0) return
    const text = this.#got.toString('latin1', 0, head)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? 0)
    if (this.#got.length < head + 4 + length) return
    this.#got = Buffer.alloc(0)
    this.#answered?.(Number(text.slice(9, 12)))
  }
}

async function run({ port, secret, what, where, count, connections, perSecond }: Job): Promise<Done> {
  const write = writer(secret)
  const free = Array.from({ length: connections }, () => new Connection(port))
  const all = [...free]
  let failed = 0
  const one = async (index: number) => {
    const connection = free.pop()!
    if ((await connection.ask(write(what, where, index))) !== 200) failed++
    free.push(connection)
  }
  const timed = await drive(count, connections, one, perSecond)
  for (const connection of all) connection.close()
  return { figures: figuresOf(timed), failed }
}

const answer = async (job: Job): Promise<void> => void process.send!(await run(job))
process.on('message', (job: Job) => void answer(job))
process.on('disconnect', () => process.exit(0))

import type { StartableClient } from './client-process.ts'
import { Floor, guest, table } from './floor.ts'
import { Wrong } from './inbox.ts'
import type { Asked, Greeting, Line, ScriptedServer, Task } from './server.ts'

/** A situation that a client must come through. `section` is that of docs/protocol.md. */
export interface Situation {
  readonly name: string
  readonly section: string
  /** Whether the kit must be able to end and start the client. */
  readonly restarts?: true
  /** Throws `Wrong` when the client does something else than it must. */
  play(kit: Kit): Promise<void>
}

/** How long anything may take that the client does at once, on a busy machine too. */
const PROMPT_MILLIS = 5_000
/** How long a client may take to start: its program; or a person who starts it. */
const START_MILLIS = 15_000
const PERSON_MILLIS = 600_000
/** How long the kit watches that the client does not do something: longer than the wait for the next `hello`. */
const WATCH_MILLIS = 150

/** What situations are written with. */
export class Kit {
  readonly server: ScriptedServer
  /** Ends the client without a warning and starts it again with what it has stored; null: a person started it. */
  readonly restart: (() => Promise<void>) | null
  floor = new Floor()
  #line: Line | null = null
  /** How long the next hello may take because the client begins, in milliseconds. */
  #startMillis = 0
  readonly #patience: number

  constructor(server: ScriptedServer, client: StartableClient | null, base: string, patience: number) {
    this.server = server
    this.#patience = patience
    const starts = (millis: number) => (this.#startMillis = millis * patience)
    this.restart = client && (async () => (starts(START_MILLIS), await client.kill(), client.start(base)))
    starts(client ? START_MILLIS : PERSON_MILLIS)
    client?.start(base)
  }

  /** How long something may take that the client does at once, and `millis` of its clock more. */
  within(millis = 0): number {
    return this.server.scaled(millis) + PROMPT_MILLIS * this.#patience
  }

  /** The next hello, in time for a client that waits its longest back-off. */
  async hello(otherwise = 'it sent no hello'): Promise<Greeting> {
    const greeting = await this.server.greetings.next(this.within(12_000) + this.#startMillis, otherwise)
    this.#startMillis = 0
    this.#line = greeting.line
    greeting.line.keepAlive(this.server.scaled(3_000))
    return greeting
  }

  /** A client that is connected and holds a fresh floor. */
  async begin(): Promise<Line> {
    const { line } = await this.hello()
    this.floor = new Floor(100)
      .hold('table', table())
      .hold('guest', guest({ firstName: 'Grace' }))
      .hold('guest', guest({ endedAt: '2026-11-23T17:00:00.000000Z' }))
    line.resync(this.floor, 'new')
    await this.holds(line)
    return line
  }

  /** The client holds the floor exactly: a heartbeat with its hash gives no cause for a hello. */
  async holds(
    line: Line,
    what = 'its state is not the one that it was told (a heartbeat with the right hash made it send hello)',
  ) {
    line.beat(this.floor)
    await this.silent(what)
  }

  /** The client sends no hello for a moment. */
  async silent(otherwise: string): Promise<void> {
    await this.server.greetings.none(this.server.scaled(1_000) + WATCH_MILLIS, otherwise)
  }

  /** A hello that says where the client stands: at the floor's change `seq`. */
  async resumes(seq: number, otherwise: string): Promise<Greeting> {
    const greeting = await this.hello(otherwise)
    this.expectPlace(greeting.hello, seq)
    return greeting
  }

  expectPlace({ epoch, since, at }: Readonly<Record<string, unknown>>, seq: number): void {
    check(
      epoch === this.floor.epoch && since === seq,
      `hello said epoch ${String(epoch)} and since ${String(since)}; it holds ${this.floor.epoch} and ${seq}`,
    )
    check(
      at === undefined || at === this.floor.timeOf(seq),
      `hello said at ${String(at)}; the change ${seq} was at ${this.floor.timeOf(seq)}`,
    )
  }

  /** A hello that asks for everything. */
  async anew(otherwise: string): Promise<Greeting> {
    const greeting = await this.hello(otherwise)
    check(!('epoch' in greeting.hello) && !('since' in greeting.hello), 'its hello must leave epoch and since out')
    return greeting
  }

  /** Keeps the client's place, and sends it the changes after `since`. */
  catchUp(line: Line, since: number): void {
    const { epoch, seq, changes } = this.floor
    line.send({ type: 'resumed', epoch, head: seq })
    const missed = changes.filter((change) => (change as { seq: number }).seq > since)
    if (missed.length > 0) line.changes(...missed)
  }

  /** Gives the client a write and waits for its request. */
  async write(task: Task = note()): Promise<Asked> {
    this.server.task(task)
    const asked = await this.request('the write that it was given (GET /conformance/task) was not sent')
    expectSame(asked, task)
    return asked
  }

  request(otherwise: string): Promise<Asked> {
    return this.server.writes.next(this.within(25_000) + this.#startMillis, otherwise)
  }

  /** The same request again: same key, method, path and body. */
  async again(before: Asked, after: string): Promise<Asked> {
    const asked = await this.request(`after ${after} the write was not sent again`)
    check(keyOf(asked) === keyOf(before), `after ${after} the write was sent again with another Idempotency-Key`)
    check(
      asked.method === before.method && asked.path === before.path && asked.text === before.text,
      `after ${after} another request was sent under the same Idempotency-Key`,
    )
    return asked
  }

  done(asked: Asked, seq: number | null = this.floor.seq): void {
    asked.answer(200, { result: {}, seq, epoch: seq === null ? null : this.floor.epoch })
  }

  /** Leaves the client so that the next situation can begin: it comes again at once. */
  async end(): Promise<void> {
    const { server } = this
    server.refusal = null
    server.refreshesItself = true
    for (const asked of server.writes.empty()) this.done(asked, null)
    server.refreshes.empty()
    server.knocks.empty()
    server.greetings.empty()
    this.#line?.send({ type: 'reconnect', afterMillis: 0, reason: 'the next situation' }).close(1001)
    this.#line = null
    const [fault] = server.faults.splice(0)
    if (fault !== undefined) throw new Wrong(fault)
  }
}

/** Throws `Wrong` unless it holds. */
export function check(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Wrong(otherwise)
}

export const keyOf = ({ headers }: Asked): string => String(headers['idempotency-key'] ?? '')

/** A write that changes a guest. */
export const note = (text = 'by the window'): Task => ({
  method: 'PATCH',
  path: '/guests/01a22c45-0861-7000-bcf6-3e18766f8caa',
  body: { notes: text },
})

/** The request is the one that the task asks for. A DELETE has its version in the query or in the body. */
function expectSame(asked: Asked, { method, path, body }: Task): void {
  const key = keyOf(asked)
  check(key.length >= 1 && key.length <= 200, 'a write needs the header Idempotency-Key, 1 to 200 characters')
  check(/^Bearer ./.test(asked.headers.authorization ?? ''), 'a write needs the access token')
  const [at, query = ''] = asked.path.replace(/^\/v2\/restaurants\/[^/]+/, '').split('?')
  check(asked.method === method && at === path, `it sent ${asked.method} ${at} for the task ${method} ${path}`)
  const inQuery = Object.fromEntries([...new URLSearchParams(query)].map(([name, text]) => [name, Number(text)]))
  const sent = { ...inQuery, ...(asked.text === '' ? {} : (JSON.parse(asked.text) as object)) }
  check(method === 'DELETE' || query === '', 'only a DELETE has a query')
  check(sameJson(sent, body), `it sent ${JSON.stringify(sent)} for the task with ${JSON.stringify(body)}`)
}

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

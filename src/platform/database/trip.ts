import pg from 'pg'
import utils from 'pg/lib/utils'
import { parsers } from './column-types.ts'
import { sqlState } from './database-errors.ts'
import type { StatementObserver } from './db-observer.ts'

/**
 * Statements that are sent in one write and answered together: with one Sync after the last of them, where the driver
 * puts one after each. So the server sends once and this process reads once (docs/decisions/0009). When a statement
 * fails, those after it are not run.
 */

/** A statement to send. */
interface Asking {
  /** Without a name it is parsed each time. */
  readonly name: string
  readonly text: string
  /** Its name for observers; null if they ignore it. */
  readonly told: string | null
}

/** A sent statement. */
interface Asked extends Asking {
  /** Its values, as given and as sent. */
  readonly given: readonly unknown[]
  readonly values: readonly (string | Buffer | null)[]
  readonly rows: object[]
  shape: Shape | undefined
  /** Why its rows cannot be parsed. */
  fault?: unknown
  /** `said`: PostgreSQL's command tag (`INSERT 0 1`, `COMMIT`). */
  readonly resolve: (rows: never[], said: string) => void
  readonly reject: (error: unknown) => void
}

/** The columns of a statement's rows, and their parsers. */
type Shape = readonly { readonly name: string; readonly read: (text: string) => unknown }[]

interface Field {
  readonly name: string
  readonly dataTypeID: Parameters<typeof pg.types.getTypeParser>[0]
  readonly format: string
}

/** The driver's connection, below its client. */
interface Connection {
  readonly stream: { cork(): void; uncork(): void; destroy(error: Error): void }
  readonly parsedStatements: Record<string, string>
  readonly submittedNamedStatements: Record<string, string>
  parse(message: object): void
  bind(message: object): void
  describe(message: object): void
  execute(message: object): void
  sync(): void
}

const NO_ROWS: Shape = []
const connectionOf = (client: pg.ClientBase): Connection => (client as unknown as { connection: Connection }).connection

/** The known named statements of each connection, so that each is described once. */
const shapes = new WeakMap<Connection, Map<string, Shape>>()

/** A query of the driver that contains several: it takes the answers in their order. */
export class Trip {
  /** The statements of this trip. */
  readonly asked: Asked[] = []
  // The driver reads these two properties of the current query.
  name = ''
  text = ''
  readonly #observers: readonly StatementObserver[]
  /** When the first was added: the others are of the same turn. */
  readonly #began: number
  #at = 0

  /** `observers` are notified of each statement with a name for them. */
  constructor(observers: readonly StatementObserver[]) {
    this.#observers = observers
    this.#began = observers.length > 0 ? performance.now() : 0
  }

  /** Adds a statement before the trip is sent. Returns its rows. */
  rowsOf<Row extends object>(asking: Asking, values: readonly unknown[]): Promise<Row[]> {
    return new Promise((resolve, reject) => this.#take(asking, values, resolve, reject))
  }

  /** The same for a statement without rows. Returns PostgreSQL's command tag. */
  wordOf(asking: Asking): Promise<string> {
    return new Promise((resolve, reject) => this.#take(asking, [], (_, said) => resolve(said), reject))
  }

  #take(
    { name, text, told }: Asking,
    given: readonly unknown[],
    resolve: Asked['resolve'],
    reject: Asked['reject'],
  ): void {
    const values = given.map((value) => utils.prepareValue(value))
    this.asked.push({ name, text, told, given, values, rows: [], shape: undefined, resolve, reject })
  }

  submit(connection: unknown): null {
    const to = connection as Connection
    const known = shapes.get(to) ?? new Map<string, Shape>()
    shapes.set(to, known)
    this.#turnTo(0)
    to.stream.cork()
    try {
      for (const each of this.asked) this.#send(to, each, known)
      to.sync()
    } finally {
      to.stream.uncork()
    }
    return null
  }

  #send(to: Connection, each: Asked, known: ReadonlyMap<string, Shape>): void {
    const { name, text, values } = each
    const isParsed = name !== '' && (name in to.parsedStatements || name in to.submittedNamedStatements)
    if (!isParsed) {
      to.parse({ name, text })
      if (name !== '') to.submittedNamedStatements[name] = text
    }
    to.bind({ statement: name, values })
    each.shape = isParsed ? known.get(name) : undefined
    if (!each.shape) to.describe({ type: 'P', name: '' })
    to.execute({})
  }

  #turnTo(index: number): void {
    this.#at = index
    this.name = this.asked[index]?.name ?? ''
    this.text = this.asked[index]?.text ?? ''
  }

  handleRowDescription({ fields }: { fields: readonly Field[] }): void {
    this.asked[this.#at]!.shape = fields.map(({ name, dataTypeID, format }) => ({
      name,
      read:
        parsers.get(dataTypeID) ?? (pg.types.getTypeParser(dataTypeID, format as 'text') as (text: string) => unknown),
    }))
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    const asked = this.asked[this.#at]!
    const row: Record<string, unknown> = {}
    try {
      for (let i = 0; i < fields.length; i++) {
        const text = fields[i]!
        const { name, read } = asked.shape![i]!
        row[name] = text === null ? null : read(text)
      }
      asked.rows.push(row)
    } catch (error) {
      asked.fault ??= error
    }
  }

  handleCommandComplete({ text }: { text: string }, connection: unknown): void {
    const asked = this.asked[this.#at]!
    const { name, told, rows, shape, fault, resolve, reject } = asked
    if (name !== '') shapes.get(connection as Connection)!.set(name, shape ?? NO_ROWS)
    this.#turnTo(this.#at + 1)
    if (told !== null) this.#tell(told, Number(text.slice(text.lastIndexOf(' ') + 1)) || 0, null)
    if (fault !== undefined) return reject(fault)
    resolve(rows as never[], text)
  }

  /** The current statement failed, or the connection broke: it and all after it are refused with the same error. */
  handleError(error: unknown, connection: unknown): void {
    const to = connection as Connection
    for (const asked of this.asked.slice(this.#at)) {
      const { name, told, reject } = asked
      delete to.submittedNamedStatements[name]
      shapes.get(to)?.delete(name)
      if (told !== null) this.#tell(told, 0, sqlState(error) ?? '08000')
      reject(error)
    }
    this.#at = this.asked.length
  }

  handleReadyForQuery(): void {}

  #tell(name: string, rows: number, sqlstate: string | null): void {
    if (this.#observers.length === 0) return
    const seconds = (performance.now() - this.#began) / 1000
    for (const each of this.#observers) each.statement(name, seconds, rows, sqlstate)
  }
}

// The driver accepts only its own query class, whose constructor creates an emitter and a result that nobody needs
// here.
Object.setPrototypeOf(Trip.prototype, pg.Query.prototype)

/** Ends a connection immediately. Running statements are refused, as when the connection breaks. */
export const cutOff = (client: pg.ClientBase): void =>
  connectionOf(client).stream.destroy(new Error('Connection terminated: no answer in time'))

import { afterAll, beforeAll } from 'vitest'
import { Db, type Scope, type Statement } from '../src/platform/database/db.ts'
import { openDatabase, type TestDatabase } from './database.ts'

/** An answer that is held back. */
interface Held {
  readonly name: string
  readonly let: () => void
}

/**
 * A database whose answers come when the test says so: for orders of events that are rare. Statements of the held names are run at once; what they found waits
 * for `let`.
 */
export class HeldReads extends Db {
  readonly #names = new Set<string>()
  #held: Held[] = []
  /** How many of the next reads fail. */
  failing = 0
  /** Reads so far, by statement. */
  readonly asked = new Map<string, number>()

  /** Holds back every later answer of a statement. */
  hold(name: string): void {
    this.#names.add(name)
  }

  /** Lets later answers through, and those that are held. */
  letAll(): void {
    this.#names.clear()
    for (const { let: go } of this.#held.splice(0)) go()
  }

  /** Lets the answer through that has been held longest. */
  let(): void {
    this.#held.shift()!.let()
  }

  /** How many answers are held. */
  get held(): number {
    return this.#held.length
  }

  /** The next so many reads fail. */
  fail(count = 1): void {
    this.failing = count
  }

  override async read<Row extends object>(scope: Scope, s: Statement, values: readonly unknown[]): Promise<Row[]> {
    this.asked.set(s.name, (this.asked.get(s.name) ?? 0) + 1)
    if (this.failing > 0) {
      this.failing--
      throw new Error('planted: the database does not answer')
    }
    const rows = await super.read<Row>(scope, s, values)
    if (this.#names.has(s.name)) await new Promise<void>((go) => this.#held.push({ name: s.name, let: go }))
    return rows
  }
}

/** A database for the tests of a file, and connections to it whose answers can be held back. */
export function useHeldReads(poolSize: number, take: (database: TestDatabase, db: HeldReads) => void): void {
  let [database, db]: [TestDatabase | null, HeldReads | null] = [null, null]
  beforeAll(async () => {
    database = await openDatabase(poolSize)
    db = new HeldReads({ url: database.url, poolSize })
    take(database, db)
  })
  afterAll(async () => {
    await db?.close()
    await database?.close()
  })
}

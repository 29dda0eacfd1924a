import type { ClientStorage, Op } from './storage.ts'

/** The parts of IndexedDB and of Web Locks that are used here: the server's types know no browser. */
export interface Databases {
  open(name: string, version: number): OpenRequest
}
interface Target<Name extends string> {
  addEventListener(name: Name, listener: () => void): void
}
interface Request<T> {
  readonly result: T
  readonly error: unknown
}
interface OpenRequest extends Request<Database>, Target<'success' | 'error' | 'upgradeneeded' | 'blocked'> {}
interface Database {
  createObjectStore(name: string): unknown
  transaction(store: string, mode: 'readonly' | 'readwrite', options?: { durability: 'strict' }): Transaction
  close(): void
}
interface Transaction extends Target<'complete' | 'abort'> {
  readonly error: unknown
  objectStore(name: string): ObjectStore
}
interface ObjectStore {
  get(key: string): Request<unknown>
  getAll(): Request<unknown[]>
  getAllKeys(): Request<string[]>
  put(value: unknown, key: string): unknown
  delete(key: string): unknown
  clear(): unknown
}
export interface Locks {
  request<T>(name: string, work: () => Promise<T>): Promise<T>
  request<T>(name: string, options: { ifAvailable: true }, work: (lock: object | null) => Promise<T>): Promise<T>
}

const STORE = 'entries'
/** What all tabs share; the rest belongs to one tab. */
const SHARED = ['tokens', 'account']
/** Digits of a mutation's number, at the end of its key. */
const DIGITS = 12
/** Tabs with a queue of their own. */
const SLOTS = 32

/**
 * Storage in a browser's IndexedDB. Each tab has a slot of its own, held by a Web Lock while it is open; a tab that opens takes over what tabs that are gone
 * have left, so nothing waits for a tab that never comes back. Without Web Locks (a page served over plain http has none) there is one slot, for one tab.
 * A browser may end the connection to its database at any time: it is opened again, and what was under way is done once more. Spec: D9, D15.
 */
export class IndexedDbStorage implements ClientStorage {
  readonly #name: string
  readonly #databases: Databases
  readonly #locks: Locks | undefined
  #database: Database | null = null
  #slot = 0
  #letGo: (() => void)[] = []
  #last: Promise<unknown> = Promise.resolve()

  constructor(name: string, databases: Databases, locks: Locks | undefined) {
    this.#name = name
    this.#databases = databases
    this.#locks = locks
  }

  async load(): Promise<Map<string, unknown>> {
    if (!this.#database) {
      await this.#connect()
      const abandoned = await this.#takeSlots()
      await this.#takeOver(abandoned)
      // Slots that were taken over only. The first one stays held.
      for (const letGo of this.#letGo.splice(1)) letGo()
    }
    const entries = new Map<string, unknown>()
    for (const [key, value] of await this.#all()) {
      if (SHARED.includes(key)) entries.set(key, value)
      else if (slotOf(key) === this.#slot) entries.set(key.slice(key.indexOf('|') + 1), value)
    }
    return entries
  }

  get(key: string): Promise<unknown> {
    return this.#transact('readonly', (store) => store.get(this.#keyOf(key)))
  }

  async write(ops: readonly Op[]): Promise<void> {
    await this.#transact('readwrite', (store) => {
      for (const op of ops) {
        if ('put' in op) store.put(op.value, this.#keyOf(op.put))
        else store.delete(this.#keyOf(op.drop))
      }
    })
  }

  clear(): Promise<void> {
    return this.#transact('readwrite', (store) => void store.clear())
  }

  /** After what was asked for before. */
  close(): Promise<void> {
    return this.#inTurn(() => {
      this.#database?.close()
      this.#database = null
      for (const letGo of this.#letGo.splice(0)) letGo()
      return Promise.resolve()
    })
  }

  /** Takes every slot that is free: the first to have, the others because their tabs are gone. */
  async #takeSlots(): Promise<number[]> {
    if (!this.#locks) return []
    const free: number[] = []
    for (let slot = 0; slot < SLOTS; slot++) if (await this.#take(slot)) free.push(slot)
    if (free.length === 0) throw new Error(`More than ${SLOTS} tabs are open`)
    this.#slot = free[0]!
    return free.slice(1)
  }

  #take(slot: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#locks!.request(`qtable ${this.#name} ${slot}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null)
        if (!lock) return Promise.resolve()
        return new Promise<void>((letGo) => this.#letGo.push(letGo))
      }).catch(reject)
    })
  }

  /** Moves what abandoned slots hold to this one, mutations behind this one's. One transaction: all of it or nothing. */
  async #takeOver(slots: readonly number[]): Promise<void> {
    const all = await this.#all()
    const numbers = all.filter(([key]) => slotOf(key) === this.#slot).map(([key]) => numberOf(key))
    let next = Math.max(0, ...numbers.map((n) => n + 1))
    const left = all.filter(([key]) => slots.includes(slotOf(key)))
    if (left.length === 0) return
    await this.#transact('readwrite', (store) => {
      for (const [key, value] of left) {
        store.delete(key)
        const bare = key.slice(key.indexOf('|') + 1)
        if (bare.includes('/mutation/'))
          // Its tab may have sent it.
          store.put(
            { ...(value as object), isUnsure: true },
            this.#keyOf(bare.slice(0, -DIGITS) + String(next++).padStart(DIGITS, '0')),
          )
        else if (bare.includes('/conflict/')) store.put(value, this.#keyOf(bare))
      }
    })
  }

  async #all(): Promise<[string, unknown][]> {
    let keys: Request<string[]> | undefined
    const values = await this.#transact<unknown[]>('readonly', (store) => {
      keys = store.getAllKeys()
      return store.getAll()
    })
    return keys!.result.map((key, i) => [key, values[i]])
  }

  #transact<T>(mode: 'readonly' | 'readwrite', work: (store: ObjectStore) => Request<T> | void): Promise<T> {
    return this.#inTurn(() => this.#twice(mode, work))
  }

  /** What is repeated must not come after a later write. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }

  /** Once more on a new connection where the first attempt failed. Whether that was done or not: the same steps again lead to the same. */
  async #twice<T>(mode: 'readonly' | 'readwrite', work: (store: ObjectStore) => Request<T> | void): Promise<T> {
    if (!this.#database) throw new Error(`The database ${this.#name} is not open`)
    try {
      return await this.#once(mode, work, this.#database)
    } catch {
      this.#database.close()
      return await this.#once(mode, work, await this.#connect())
    }
  }

  #once<T>(mode: 'readonly' | 'readwrite', work: (store: ObjectStore) => Request<T> | void, database: Database) {
    return new Promise<T>((resolve, reject) => {
      // On a connection that was lost this throws.
      const transaction = database.transaction(STORE, mode, { durability: 'strict' })
      const request = work(transaction.objectStore(STORE))
      transaction.addEventListener('complete', () => resolve(request?.result as T))
      transaction.addEventListener('abort', () =>
        reject(new Error(`A write to ${this.#name} failed`, { cause: transaction.error })),
      )
    })
  }

  async #connect(): Promise<Database> {
    return (this.#database = await openDatabase(this.#databases, this.#name))
  }

  #keyOf(key: string): string {
    return SHARED.includes(key) ? key : `${this.#slot}|${key}`
  }
}

const slotOf = (key: string): number => (key.includes('|') ? Number(key.split('|')[0]) : -1)

const numberOf = (key: string): number => (key.includes('/mutation/') ? Number(key.slice(-DIGITS)) : -1)

function openDatabase(databases: Databases, name: string): Promise<Database> {
  return new Promise((resolve, reject) => {
    const request = databases.open(name, 1)
    request.addEventListener('upgradeneeded', () => void request.result.createObjectStore(STORE))
    request.addEventListener('success', () => resolve(request.result))
    request.addEventListener('error', () =>
      reject(new Error(`The database ${name} can't be opened`, { cause: request.error })),
    )
    request.addEventListener('blocked', () => reject(new Error(`The database ${name} is blocked by another tab`)))
  })
}

import pg from 'pg'
import { newId } from '../ids.ts'
import { limits } from '../limits.ts'
import { every } from '../shared-timer.ts'
import { cutOff } from './trip.ts'

/** Where notices come from, and who is told. */
export interface NoticesDeps {
  readonly url: string
  /** The name of the channel, as SQL takes it. */
  readonly channel: string
  /** Says something on the channel, on another connection. */
  readonly say: (text: string) => Promise<unknown>
  /** What was said. Must not throw. */
  readonly hear: (text: string) => void
  /** From here on everything is heard, and what was said before may not have been. Must not throw. */
  readonly begin: () => void
}

const GOODBYE_MILLIS = 1_000

/** Ends a connection, at once where it doesn't answer. */
async function ended(client: pg.Client): Promise<void> {
  let late: NodeJS.Timeout | undefined
  const cut = new Promise<void>((resolve) => {
    late = setTimeout(() => {
      cutOff(client)
      resolve()
    }, GOODBYE_MILLIS)
  })
  await Promise.race([client.end().catch(() => undefined), cut])
  clearTimeout(late)
}

/** What starts a notice that is only there to show that notices come: nobody else hears it. */
const PROOF = '?'

/**
 * What the database says on a channel (PostgreSQL's NOTIFY: said when its transaction commits), heard on a connection of its own. It counts as hearing once it has heard something that was said on
 * another connection, because a pooler in transaction mode takes LISTEN and then brings nothing. Until then, and while it is tried again, `isHearing` is false.
 */
export class Notices {
  readonly #deps: NoticesDeps
  readonly #stopTrying: () => void
  #client: pg.Client | null = null
  #proof: { readonly text: string; readonly heard: () => void } | null = null
  #isHearing = false
  #closed = false
  #opening: Promise<void> | null = null
  /** Ticks until it is tried again, and how many it waited the last time. */
  #wait = 0
  #waited = 0

  constructor(deps: NoticesDeps) {
    this.#deps = deps
    this.#stopTrying = every(limits.noticeRetryMillis, () => this.#try())
    this.#try()
  }

  /** Whether everything that is said is heard: false for some seconds at most where a network has died without a word. */
  get isHearing(): boolean {
    return this.#isHearing
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#stopTrying()
    await this.#drop()
    await this.#opening
  }

  #try(): void {
    if (this.#client || this.#opening || this.#closed || this.#wait-- > 0) return
    this.#opening = this.#open().finally(() => (this.#opening = null))
  }

  async #open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#deps.url,
      application_name: 'qtable notices',
      connectionTimeoutMillis: limits.poolWaitMillis,
      keepAlive: true,
      keepAliveInitialDelayMillis: limits.noticeKeepAliveMillis,
    })
    this.#client = client
    client.on('error', () => this.#lost(client))
    client.on('notification', ({ payload = '' }) => this.#take(payload))
    // Whoever ends the driver's connection while it is being made is never told that it won't be.
    const ends = new Promise<never>((_, reject) => {
      client.on('end', () => {
        this.#lost(client)
        reject(new Error('the connection has ended'))
      })
    })
    ends.catch(() => undefined)
    try {
      await Promise.race([this.#begin(client), ends])
      if (this.#client !== client) return
      this.#isHearing = true
      this.#waited = 0
      this.#deps.begin()
    } catch {
      // Tried again: later each time, because a pooler stays one.
      await this.#drop()
    }
  }

  async #begin(client: pg.Client): Promise<void> {
    await client.connect()
    await client.query(`listen ${this.#deps.channel}`)
    await this.#prove()
  }

  /** Resolves when what is said is heard. Rejects when it isn't in time. */
  async #prove(): Promise<void> {
    const text = PROOF + newId()
    let late: NodeJS.Timeout | undefined
    const heard = new Promise<void>((resolve, reject) => {
      this.#proof = { text, heard: resolve }
      late = setTimeout(() => reject(new Error('nothing is heard')), limits.noticeProofMillis).unref()
    })
    // It may be late before it is waited for.
    heard.catch(() => undefined)
    try {
      await this.#deps.say(text)
      await heard
    } finally {
      clearTimeout(late)
      this.#proof = null
    }
  }

  #take(text: string): void {
    if (!text.startsWith(PROOF)) this.#deps.hear(text)
    else if (text === this.#proof?.text) this.#proof.heard()
  }

  #lost(client: pg.Client): void {
    if (this.#client === client) void this.#drop()
  }

  async #drop(): Promise<void> {
    const client = this.#client
    if (!client) return
    this.#client = null
    this.#isHearing = false
    this.#waited = Math.min(Math.max(1, this.#waited * 2), limits.noticeRetryTicks)
    this.#wait = this.#waited - 1
    await ended(client)
  }
}

import pg from 'pg'
import { newId } from '../ids.ts'
import { limits } from '../limits.ts'
import { every } from '../shared-timer.ts'
import { cutOff } from './trip.ts'

/** The source and the receivers of notices. */
export interface NoticesDeps {
  readonly url: string
  /** The name of the channel, as SQL takes it. */
  readonly channel: string
  /** Sends a notice on the channel, on another connection. */
  readonly say: (text: string) => Promise<unknown>
  /** Receives a notice. Must not throw. */
  readonly hear: (text: string) => void
  /** From here on every notice arrives; earlier ones may be lost. Must not throw. */
  readonly begin: () => void
}

const GOODBYE_MILLIS = 1_000

/** Ends a connection, immediately if it does not answer. */
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

/** The prefix of a notice that only proves that notices arrive: nobody else receives it. */
const PROOF = '?'

/**
 * The database's notices on a channel (PostgreSQL's NOTIFY, sent at commit), received on a connection of its own. It
 * counts as listening once it has received a notice that was sent on another connection, because a pooler in
 * transaction mode accepts LISTEN and delivers nothing. Until then, and while it is tried again, `isHearing` is
 * false.
 */
export class Notices {
  readonly #deps: NoticesDeps
  readonly #stopTrying: () => void
  #client: pg.Client | null = null
  #proof: { readonly text: string; readonly heard: () => void } | null = null
  #isHearing = false
  #closed = false
  #opening: Promise<void> | null = null
  /** Ticks until the next try, and the length of the previous wait. */
  #wait = 0
  #waited = 0

  constructor(deps: NoticesDeps) {
    this.#deps = deps
    this.#stopTrying = every(limits.noticeRetryMillis, () => this.#try())
    this.#try()
  }

  /** Whether every notice arrives. It is wrong for some seconds at most, when a network has died silently. */
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
    // When the driver's connection is ended while it is being made, the caller is never notified.
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
      // It is tried again, later each time: a pooler stays a pooler.
      await this.#drop()
    }
  }

  async #begin(client: pg.Client): Promise<void> {
    await client.connect()
    await client.query(`listen ${this.#deps.channel}`)
    await this.#prove()
  }

  /** Resolves when notices arrive. Rejects when they do not in time. */
  async #prove(): Promise<void> {
    const text = PROOF + newId()
    let late: NodeJS.Timeout | undefined
    const heard = new Promise<void>((resolve, reject) => {
      this.#proof = { text, heard: resolve }
      late = setTimeout(() => reject(new Error('nothing is heard')), limits.noticeProofMillis).unref()
    })
    // It may fail before anybody waits for it.
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

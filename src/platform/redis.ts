import { createClient, createCluster, RESP_TYPES } from 'redis'
import type { Logger } from './observability/log.ts'
import { limits } from './limits.ts'
import { every } from './shared-timer.ts'

/** Brings short texts to other processes, when it can: what is published may be lost, and comes at most once to each subscriber that is connected. */
export interface Topics {
  /** Sends a text to a topic, or forgets it: never waits and never throws. */
  publish(topic: string, text: string): void
  /** Hears a topic from about now on, also after the connection was lost. */
  subscribe(topic: string, hear: (text: string) => void): void
  unsubscribe(topic: string): void
  /** Whether it is connected, and since the start: texts sent, heard, and forgotten. */
  readonly figures: TopicFigures
  /** Has the time of each answered operation told. */
  observe?(tell: (operation: string, seconds: number) => void): void
  close(): Promise<void>
}

/** Keeps bytes by name for a while, when it can: what was kept may be gone at any time. */
export interface Store {
  /** What is kept, or null. Never rejects, and waits `limits.storeMillis` at most. */
  get(name: string): Promise<Buffer | null>
  /** Keeps bytes for so many seconds, or doesn't: never waits and never throws. */
  set(name: string, bytes: Buffer, seconds: number): void
}

export interface TopicFigures {
  readonly connected: boolean
  readonly topics: number
  readonly published: number
  readonly heard: number
  readonly forgotten: number
}

/** What is used of a connection to one server or to a cluster. */
interface Link {
  publish(topic: string, text: string): Promise<unknown>
  subscribe(topic: string, hear: (text: string) => void): Promise<unknown>
  unsubscribe(topic: string): Promise<unknown>
  get(name: string): Promise<Buffer | null>
  set(name: string, bytes: Buffer, seconds: number): Promise<unknown>
  isReady(): boolean
  close(): void
}

const BYTES = { [RESP_TYPES.BLOB_STRING]: Buffer }

type Client = ReturnType<typeof openClient>

// A server that hangs shows nothing on its own: a ping goes out this often, and a connection on which nothing comes back is taken for dead.
const PING_MILLIS = 1_000
const SILENCE_MILLIS = 3_000
const CONNECT_MILLIS = 2_000
const RETRY_MILLIS = [100, 1_000] as const
// Texts that have been handed to the connection and not been answered: beyond it more are forgotten.
const MAX_UNDER_WAY = 10_000

/**
 * Topics on Redis: plain publish and subscribe on a single server, sharded on a cluster (Redis 7), where each topic lives on the node of its slot. Redis may be away at
 * the start, die and come back: nobody waits for it, and what is subscribed is subscribed again.
 */
export class RedisTopics implements Topics, Store {
  readonly #urls: readonly string[]
  readonly #log: Logger
  readonly #wanted = new Map<string, (text: string) => void>()
  readonly #subscribed = new Set<string>()
  readonly #settling = new Set<string>()
  readonly #stopTending: () => void
  #link: Link | null = null
  #connecting = false
  #closed = false
  #complained = false
  #underWay = 0
  #tell: ((operation: string, seconds: number) => void) | null = null
  #published = 0
  #heard = 0
  #forgotten = 0

  /** `url`: of a server, or several of a cluster's nodes with commas between. */
  constructor(url: string, log: Logger) {
    this.#urls = url.split(',')
    this.#log = log
    this.#stopTending = every(limits.redisTendMillis, () => void this.#tend())
    void this.#tend()
  }

  get figures(): TopicFigures {
    return {
      connected: this.#link?.isReady() ?? false,
      topics: this.#wanted.size,
      published: this.#published,
      heard: this.#heard,
      forgotten: this.#forgotten,
    }
  }

  publish(topic: string, text: string): void {
    const link = this.#link
    if (!link?.isReady() || this.#underWay >= MAX_UNDER_WAY) return void this.#forgotten++
    this.#underWay++
    const began = this.#tell ? performance.now() : 0
    link.publish(topic, text).then(
      () => {
        this.#tell?.('publish', (performance.now() - began) / 1000)
        this.#underWay--
        this.#published++
      },
      () => {
        this.#underWay--
        this.#forgotten++
      },
    )
  }

  observe(tell: (operation: string, seconds: number) => void): void {
    this.#tell = tell
  }

  subscribe(topic: string, hear: (text: string) => void): void {
    this.#wanted.set(topic, hear)
    void this.#settle(topic)
  }

  unsubscribe(topic: string): void {
    this.#wanted.delete(topic)
    void this.#settle(topic)
  }

  async get(name: string): Promise<Buffer | null> {
    const link = this.#link
    if (!link?.isReady() || this.#underWay >= MAX_UNDER_WAY) return null
    let late: NodeJS.Timeout | undefined
    const tooLate = new Promise<null>((resolve) => (late = setTimeout(() => resolve(null), limits.storeMillis)))
    try {
      return await Promise.race([link.get(name), tooLate])
    } catch {
      return null
    } finally {
      clearTimeout(late)
    }
  }

  set(name: string, bytes: Buffer, seconds: number): void {
    const link = this.#link
    if (!link?.isReady() || this.#underWay >= MAX_UNDER_WAY) return
    this.#underWay++
    // A server that is full says so: then it isn't kept.
    link
      .set(name, bytes, seconds)
      .catch(() => undefined)
      .finally(() => this.#underWay--)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#stopTending()
    this.#wanted.clear()
    this.#link?.close()
    this.#link = null
  }

  /** Connects where it isn't, and sees to what is not subscribed as it is wanted. */
  async #tend(): Promise<void> {
    if (this.#closed) return
    if (!this.#link && !this.#connecting) await this.#connect()
    const topics = new Set([...this.#wanted.keys(), ...this.#subscribed])
    await Promise.all([...topics].map((topic) => this.#settle(topic)))
  }

  /** Subscribes to a topic, or ends that, until it is as wanted. One step at a time: a subscription that overtakes the end of the one before it would go down with that. */
  async #settle(topic: string): Promise<void> {
    if (this.#settling.has(topic)) return
    this.#settling.add(topic)
    try {
      for (let link = this.#link; link?.isReady(); link = this.#link) {
        const wanted = this.#wanted.has(topic)
        if (wanted === this.#subscribed.has(topic)) break
        if (wanted) {
          await link.subscribe(topic, (text) => this.#hear(topic, text))
          this.#subscribed.add(topic)
        } else {
          await link.unsubscribe(topic)
          this.#subscribed.delete(topic)
        }
      }
    } catch (error) {
      this.#complain(error as Error)
    } finally {
      this.#settling.delete(topic)
    }
  }

  #hear(topic: string, text: string): void {
    this.#heard++
    this.#wanted.get(topic)?.(text)
  }

  async #connect(): Promise<void> {
    this.#connecting = true
    try {
      const link = (await isCluster(this.#urls[0]!)) ? await this.#cluster() : await this.#single()
      if (this.#closed) return link.close()
      this.#link = link
      this.#complained = false
      this.#log.info({ topics: this.#wanted.size }, 'Redis is connected')
    } catch (error) {
      this.#complain(error as Error)
    } finally {
      this.#connecting = false
    }
  }

  async #single(): Promise<Link> {
    const publisher = this.#client(this.#urls[0]!)
    const subscriber = this.#client(this.#urls[0]!)
    try {
      await Promise.all([publisher.connect(), subscriber.connect()])
    } catch (error) {
      publisher.destroy()
      subscriber.destroy()
      throw error
    }
    return {
      publish: (topic, text) => publisher.publish(topic, text),
      subscribe: (topic, hear) => subscriber.subscribe(topic, hear),
      unsubscribe: (topic) => subscriber.unsubscribe(topic),
      get: (name) => publisher.withTypeMapping(BYTES).get(name),
      set: (name, bytes, seconds) => publisher.set(name, bytes, { EX: seconds }),
      isReady: () => publisher.isReady && subscriber.isReady,
      close: () => {
        publisher.destroy()
        subscriber.destroy()
      },
    }
  }

  async #cluster(): Promise<Link> {
    const cluster = createCluster({ rootNodes: this.#urls.map((url) => ({ url })), defaults: options() })
    cluster.on('error', (error: Error) => this.#complain(error))
    await cluster.connect()
    return {
      publish: (topic, text) => cluster.sPublish(topic, text),
      subscribe: (topic, hear) => cluster.sSubscribe(topic, hear),
      unsubscribe: (topic) => cluster.sUnsubscribe(topic),
      get: (name) => cluster.withTypeMapping(BYTES).get(name),
      set: (name, bytes, seconds) => cluster.set(name, bytes, { EX: seconds }),
      isReady: () => cluster.isOpen,
      close: () => cluster.destroy(),
    }
  }

  #client(url: string): Client {
    const client = openClient(url)
    client.on('error', (error: Error) => this.#complain(error))
    client.on('ready', () => (this.#complained = false))
    return client
  }

  /** Once for each time that it is away. */
  #complain(error: Error): void {
    if (this.#complained || this.#closed) return
    this.#complained = true
    this.#log.warn({ err: error }, 'Redis is away: changes of other processes are found by asking the database')
  }
}

const openClient = (url: string) => createClient({ url, ...options() })

const options = () => ({
  // The oldest protocol serves every Redis and every proxy in between.
  RESP: 2 as const,
  disableOfflineQueue: true,
  pingInterval: PING_MILLIS,
  // A timer for each command costs three quarters of the throughput; the silence of the connection tells as much.
  socket: {
    connectTimeout: CONNECT_MILLIS,
    socketTimeout: SILENCE_MILLIS,
    reconnectStrategy: (retries: number) =>
      Math.min(RETRY_MILLIS[1], RETRY_MILLIS[0] * 2 ** retries) * (0.5 + Math.random() / 2),
  },
})

/** Whether a server is one of a cluster. Throws when it can't be asked. */
async function isCluster(url: string): Promise<boolean> {
  const client = createClient({ url, socket: { connectTimeout: CONNECT_MILLIS, reconnectStrategy: false } })
  client.on('error', () => undefined) // connect tells
  try {
    await client.connect()
    return /cluster_enabled:1/.test(await client.info('cluster'))
  } finally {
    if (client.isOpen) client.destroy()
  }
}

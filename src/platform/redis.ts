import { createCluster, RESP_TYPES } from 'redis'
import { isCluster, matching, openClient, options, removeAll, type Client } from './redis/clients.ts'
import type { Logger } from './observability/log.ts'
import { limits } from './limits.ts'
import { every } from './shared-timer.ts'

/** Sends short texts to other processes. They may be lost, and reach each connected subscriber at most once. */
export interface Topics {
  /** Sends a text to a topic, or drops it: never waits and never throws. */
  publish(topic: string, text: string): void
  /** Subscribes to a topic from about now on, also after the connection was lost. */
  subscribe(topic: string, hear: (text: string) => void): void
  unsubscribe(topic: string): void
  /** Whether it is connected, and the numbers of texts sent, received and dropped since the start. */
  readonly figures: TopicFigures
  /** Sets an observer of the time of each answered operation. */
  observe?(tell: (operation: string, seconds: number) => void): void
  close(): Promise<void>
}

/** Stores bytes by name for a while. They may disappear at any time. */
export interface Store {
  /** The stored bytes, or null. Never rejects, and waits `limits.storeMillis` at most. */
  get(name: string): Promise<Buffer | null>
  /** Stores bytes for this many seconds, or does not: never waits and never throws. */
  set(name: string, bytes: Buffer, seconds: number): void
  /**
   * Removes all bytes whose names match, `*` standing for any text. It looks at every name there is, so it is for rare use.
   * Never waits and never throws; what could not be removed ends after its seconds.
   */
  remove?(pattern: string): void
}

export interface TopicFigures {
  readonly connected: boolean
  readonly topics: number
  readonly published: number
  readonly heard: number
  readonly forgotten: number
}

/** The used part of a connection to one server or to a cluster. */
interface Link {
  publish(topic: string, text: string): Promise<unknown>
  subscribe(topic: string, hear: (text: string) => void): Promise<unknown>
  unsubscribe(topic: string): Promise<unknown>
  get(name: string): Promise<Buffer | null>
  set(name: string, bytes: Buffer, seconds: number): Promise<unknown>
  remove(pattern: string): Promise<unknown>
  isReady(): boolean
  close(): void
}

const BYTES = { [RESP_TYPES.BLOB_STRING]: Buffer }

// The limit of unanswered texts on the connection: beyond it, texts are dropped.
const MAX_UNDER_WAY = 10_000

/**
 * Topics on Redis: plain publish and subscribe on a single server, sharded on a cluster (Redis 7), where each topic
 * lives on the node of its slot. Redis may be unavailable at the start, die and come back: nobody waits for it, and
 * subscriptions are restored.
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

  /** `url`: of a server, or of several nodes of a cluster, separated by commas. */
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
    // A full server refuses: then the value is not stored.
    link
      .set(name, bytes, seconds)
      .catch(() => undefined)
      .finally(() => this.#underWay--)
  }

  remove(pattern: string): void {
    const link = this.#link
    if (link?.isReady()) link.remove(pattern).catch((error: Error) => this.#complain(error))
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#stopTending()
    this.#wanted.clear()
    this.#link?.close()
    this.#link = null
  }

  /** Connects if disconnected, and restores missing subscriptions. */
  async #tend(): Promise<void> {
    if (this.#closed) return
    if (!this.#link && !this.#connecting) await this.#connect()
    const topics = new Set([...this.#wanted.keys(), ...this.#subscribed])
    await Promise.all([...topics].map((topic) => this.#settle(topic)))
  }

  /**
   * Subscribes to a topic or unsubscribes, until the state is as wanted. It goes one step at a time: a subscription
   * that overtakes the previous unsubscription would be ended by it.
   */
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
      remove: (pattern) => removeAll(publisher.scanIterator(matching(pattern)), (name) => publisher.unlink(name)),
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
      remove: (pattern) =>
        Promise.all(
          cluster.masters.map(async (master) => {
            const node = await cluster.nodeClient(master)
            await removeAll(node.scanIterator(matching(pattern)), (name) => cluster.unlink(name))
          }),
        ),
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

  /** Once per outage. */
  #complain(error: Error): void {
    if (this.#complained || this.#closed) return
    this.#complained = true
    this.#log.warn({ err: error }, 'Redis is away: changes of other processes are found by asking the database')
  }
}

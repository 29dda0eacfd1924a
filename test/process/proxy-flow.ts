import type { Socket } from 'node:net'
import type { RespFilter } from './resp-filter.ts'

/** What can be wrong with one direction. All of it may hold at once. */
export interface Toxics {
  /** Everything arrives this much later, give or take the jitter; in order. */
  readonly latency?: { readonly millis: number; readonly jitterMillis?: number }
  /** So many thousand bytes a second for each connection. */
  readonly bandwidth?: { readonly kilobytesPerSecond: number }
  /** The end of the data (FIN) arrives this much later. */
  readonly slowClose?: { readonly millis: number }
  /** Nothing arrives any more, and after so long the connection is closed; with 0 never: when the toxic is taken away, what was held arrives. */
  readonly timeout?: { readonly millis: number }
  /** The receiver's connection is reset (RST) after so long; the sender's is closed. */
  readonly reset?: { readonly millis: number }
  /** Arrives in pieces of so many bytes, with a pause after each. */
  readonly slicer?: { readonly bytes: number; readonly delayMillis: number }
  /** After so many bytes more in this direction the connection is closed. */
  readonly limitData?: { readonly bytes: number }
}

// What is held of each direction of a connection before its sender is not read any more. With latency it bounds the speed too: 1 MB each latency.
const HELD_BYTES = 1024 * 1024
/** Bandwidth is given out in portions for so long. */
const PORTION_MILLIS = 20

export interface FlowOptions {
  readonly from: Socket
  readonly to: Socket
  readonly toxics: () => Toxics
  readonly random: () => number
  readonly filter: RespFilter | undefined
  readonly count: (bytes: number) => void
  readonly close: () => void
}

/** What arrived, when (performance.now), and its luck with the jitter: -1 to 1. */
interface Chunk {
  readonly data: Buffer
  readonly at: number
  readonly luck: number
}

/** One direction of a connection: what comes is held, and handed on when and as the toxics of that moment allow. */
export class Flow {
  readonly #it: FlowOptions
  readonly #held: Chunk[] = []
  #heldBytes = 0
  #endedAt: number | undefined
  #stopped = false
  #waker: (() => void) | undefined
  /** When bandwidth is to be had again. */
  #freeAt = 0
  #limit: { readonly toxic: object; left: number } | undefined

  constructor(it: FlowOptions) {
    this.#it = it
    it.from.on('data', (data: Buffer) => this.#take(data))
    it.from.once('end', () => {
      this.#endedAt = performance.now()
      this.wake()
    })
    it.to.on('drain', () => this.wake())
    void this.#run()
  }

  /** Lets it look again at what it waits for. */
  wake(): void {
    this.#waker?.()
  }

  stop(): void {
    this.#stopped = true
    this.wake()
  }

  #take(bytes: Buffer): void {
    const { filter, from, random, close } = this.#it
    let data = bytes
    try {
      if (filter) data = filter.take(bytes)
    } catch {
      return close()
    }
    if (data.length === 0) return
    this.#held.push({ data, at: performance.now(), luck: 2 * random() - 1 })
    this.#heldBytes += data.length
    if (this.#heldBytes > HELD_BYTES) from.pause()
    this.wake()
  }

  async #run(): Promise<void> {
    const { from, to, toxics } = this.#it
    for (;;) {
      await this.#until(() => (this.#held.length > 0 || this.#endedAt !== undefined ? 0 : Infinity))
      if (this.#stopped) return
      const chunk = this.#held[0]
      if (chunk === undefined) break
      await this.#until(() => chunk.at + delay(toxics(), chunk.luck))
      await this.#send(chunk.data)
      this.#held.shift()
      this.#heldBytes -= chunk.data.length
      if (this.#heldBytes <= HELD_BYTES / 2 && from.isPaused()) from.resume()
    }
    await this.#until(() => this.#endedAt! + (toxics().timeout ? Infinity : (toxics().slowClose?.millis ?? 0)))
    if (!this.#stopped) to.end()
  }

  async #send(data: Buffer): Promise<void> {
    const { to, toxics, count, close } = this.#it
    for (let at = 0; at < data.length;) {
      await this.#until(() => (toxics().timeout || to.writableNeedDrain ? Infinity : 0))
      const { slicer, bandwidth, limitData } = toxics()
      if (limitData?.bytes !== undefined && this.#limit?.toxic !== limitData)
        this.#limit = { toxic: limitData, left: limitData.bytes }
      const portion = bandwidth && Math.max(1, Math.floor(bandwidth.kilobytesPerSecond * PORTION_MILLIS))
      const left = limitData && this.#limit!.left
      const size = Math.min(data.length - at, slicer?.bytes ?? Infinity, portion ?? Infinity, left ?? Infinity)
      if (bandwidth) {
        this.#freeAt = Math.max(performance.now(), this.#freeAt) + size / bandwidth.kilobytesPerSecond
        await this.#until(() => (toxics().bandwidth === bandwidth ? this.#freeAt : 0))
      } else this.#freeAt = 0
      if (this.#stopped || to.destroyed) return
      to.write(data.subarray(at, at + size))
      count(size)
      at += size
      if (limitData && (this.#limit!.left -= size) <= 0) {
        // What was let through arrives before the end does.
        to.end(close)
        await this.#until(() => Infinity)
        return
      }
      if (slicer) {
        const next = performance.now() + slicer.delayMillis
        await this.#until(() => (toxics().slicer === slicer ? next : 0))
      }
    }
  }

  /** Waits for a moment (performance.now; Infinity is none yet), which is asked for again whenever something changes. */
  async #until(moment: () => number): Promise<void> {
    for (;;) {
      const millis = moment() - performance.now()
      if (this.#stopped || millis <= 0) return
      await new Promise<void>((resolve) => {
        const timer = Number.isFinite(millis) ? setTimeout(resolve, Math.ceil(millis)) : undefined
        this.#waker = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      this.#waker = undefined
    }
  }
}

const delay = ({ latency, timeout }: Toxics, luck: number): number =>
  timeout ? Infinity : latency ? Math.max(0, latency.millis + luck * (latency.jitterMillis ?? 0)) : 0

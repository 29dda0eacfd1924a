import type { ServerResponse } from 'node:http'
import { AppError } from '../../platform/errors.ts'
import { limits } from '../../platform/limits.ts'
import { every } from '../../platform/shared-timer.ts'
import { openLink, seenOn, type Opened, type VisitDeps } from './guest-visit.ts'

/**
 * Server-sent events of guests: the view of a visit, again whenever it has changed. They follow the floor in memory. The
 * link is looked at again with each beat, so a revoked one ends within `limits.guestBeatMillis`. Spec: J5.
 */
export class GuestEvents {
  readonly #deps: VisitDeps
  readonly #open = new Map<string, number>()
  readonly #ends = new Set<() => void>()

  constructor(deps: VisitDeps) {
    this.#deps = deps
  }

  /** Connections that are open. */
  get size(): number {
    return this.#ends.size
  }

  /** Ends all connections: pages connect again. */
  close(): void {
    for (const end of this.#ends) end()
  }

  /** Sends events on an answer whose head is not written yet. Throws `AppError` too-many-attempts (429), busy (503). */
  async send(
    token: string,
    link: Opened,
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    const forget = this.#count(link)
    const held = await this.#deps.floors.hold(link.restaurantId).catch((error: unknown) => {
      forget()
      throw error
    })
    const { live, release } = held
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream', connection: 'keep-alive' })
    let sent = ''
    const show = () => {
      const view = seenOn(live, link, this.#deps.clock.now())
      if (!view) return over()
      const text = JSON.stringify(view)
      if (text === sent) return
      sent = text
      // A page that does not read is let go.
      if (response.writableLength > limits.guestEventBytes) return end()
      response.write(`event: visit\ndata: ${text}\n\n`)
    }
    const over = () => {
      response.write('event: over\ndata: {}\n\n')
      end()
    }
    // Several changes of a moment are one look.
    let isDue = false
    const unwatch = live.watch({
      onChange: () => void (isDue = true),
      onReset: () => void (isDue = true),
      onLost: () => end(),
    })
    const stopLooking = every(limits.guestLookMillis, () => {
      if (!isDue) return
      isDue = false
      show()
    })
    const stopBeating = every(limits.guestBeatMillis, () => {
      openLink(this.#deps, token).then(
        () => {
          response.write(': beat\n\n')
          // Time alone ends a grace.
          show()
        },
        (error: unknown) => (error instanceof AppError && error.code === 'link-not-found' ? over() : end()),
      )
    })
    let isOpen = true
    const end = () => {
      if (!isOpen) return
      isOpen = false
      stopLooking()
      stopBeating()
      unwatch()
      release()
      forget()
      this.#ends.delete(end)
      response.end()
    }
    this.#ends.add(end)
    response.on('close', end)
    show()
  }

  /** Counts a connection of a link and of its restaurant. */
  #count({ id, restaurantId }: Opened): () => void {
    const keys = [
      [id, limits.eventsPerLink],
      [restaurantId, limits.eventsPerRestaurant],
    ] as const
    for (const [key, most] of keys)
      if ((this.#open.get(key) ?? 0) >= most)
        throw new AppError('too-many-attempts', 429, 'Too many pages are open', { retryAfterSeconds: 30 })
    const add = (by: number) => {
      for (const [key] of keys) {
        const count = (this.#open.get(key) ?? 0) + by
        if (count === 0) this.#open.delete(key)
        else this.#open.set(key, count)
      }
    }
    add(1)
    return () => add(-1)
  }
}

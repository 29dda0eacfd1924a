import type { ServerResponse } from 'node:http'

/** Whether anybody still waits for an answer. */
export interface Gone {
  readonly isGone: boolean
  /** Aborts when nobody waits any more. Created on demand, which is rare. */
  readonly signal: AbortSignal
}

/** Whether the client of a request has gone before it got its answer. */
export class ClientGone implements Gone {
  readonly #response: ServerResponse
  #controller: AbortController | null = null

  constructor(response: ServerResponse) {
    this.#response = response
  }

  get isGone(): boolean {
    return this.#response.destroyed && !this.#response.writableFinished
  }

  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal
    const controller = (this.#controller = new AbortController())
    if (this.isGone) controller.abort()
    this.#response.once('close', () => {
      if (this.isGone) controller.abort()
    })
    return controller.signal
  }
}

/** The same for a caller with a signal. */
export const goneAt = (signal: AbortSignal): Gone => ({
  get isGone() {
    return signal.aborted
  },
  signal,
})

import type { IncomingMessage, ServerResponse } from 'node:http'
import { elapsedMillis } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import { keyOf, type Answer, type Answers, type Shape } from '../../changes/answers/answers.ts'
import type { Coding } from '../../changes/answers/compress.ts'
import { clientHas } from '../../changes/answers/etag.ts'
import type { End, Heads } from '../../changes/answers/heads.ts'
import type { Identities } from '../../staff/access/identify.ts'
import type { RequestWatch } from '../../platform/observability/request-watch.ts'
import { codingOf } from '../coding.ts'

/**
 * A read that the ordinary way answered with a kept answer. Everyone of the restaurant who asks for the same address
 * gets the same answer.
 */
interface Asked {
  readonly restaurantId: string
  readonly route: string
  readonly name: string
  readonly shape: Shape
}

/** What repeated reads need to answer. */
export interface RepeatedDeps {
  readonly answers: Answers
  readonly heads: Heads
  readonly identities: Identities
}

/**
 * Answers repeated reads of the contract from memory, without the server's router and hooks. A device asks for the
 * same few addresses again and again, and router and hooks take longer than the rest of a small read. This class
 * decides nothing by itself. An address enters its list only when the ordinary way has admitted somebody of its
 * restaurant. The token, the identity and the answer are checked for each request, as in the ordinary way. Unusual
 * requests take the ordinary way. See docs/decisions/0010.
 */
export class RepeatedReads {
  readonly #deps: RepeatedDeps
  readonly #asked = new Map<string, Asked & { readonly key: string }>()
  /** Where the log ended after the arrival of requests that then took the ordinary way. */
  readonly #told = new WeakMap<IncomingMessage, End>()
  #isClosing = false
  #taken = 0

  constructor(deps: RepeatedDeps) {
    this.#deps = deps
  }

  /** Remembers a read that was answered with a kept answer, of a route that names its restaurant. */
  note(url: string, asked: Asked): void {
    if (url.length > limits.rememberedQueryCharacters || this.#asked.get(url)?.shape === asked.shape) return
    if (this.#asked.size >= limits.rememberedQueries) this.#asked.clear()
    this.#asked.set(url, { key: keyOf(asked.restaurantId, asked.shape), ...asked })
  }

  /** Where the log ended after this request arrived, if it was asked for here: nobody has to ask again. */
  toldTo(request: IncomingMessage): End | undefined {
    return this.#told.get(request)
  }

  /** The number of requests answered here since the start. */
  get figures(): { taken: number } {
    return { taken: this.#taken }
  }

  /** The server is stopping, and tells its clients in its own way. */
  close(): void {
    this.#isClosing = true
  }

  /**
   * Answers a read if memory suffices. When it returns false, nothing was done. One of several processes first asks
   * where the log ends; what cannot be answered then goes to `otherwise`.
   */
  takes(watch: RequestWatch, request: IncomingMessage, response: ServerResponse, otherwise: () => void): boolean {
    if (request.method !== 'GET' || this.#isClosing) return false
    const began = elapsedMillis()
    const asked = this.#asked.get(request.url!)
    if (!asked) return false
    const { headers } = request
    const { authorization, 'accept-encoding': accepted } = headers
    if (!authorization?.startsWith('Bearer ') || isUnusual(headers)) return false
    if (!this.#deps.identities.admitKnown(authorization.slice(7), asked.restaurantId)) return false
    const coding: Coding = accepted === undefined ? 'identity' : codingOf(accepted)
    const { heads, answers } = this.#deps
    const found = (end: End): Answer | null => {
      try {
        return answers.atOnce(asked.restaurantId, asked.key, asked.shape, coding, end)
      } catch {
        // The ordinary way meets the same error, logs it and answers it. Thrown here, it would end the process.
        return null
      }
    }
    const end = heads.known(asked.restaurantId)
    if (end) {
      const answer = found(end)
      const id = answer && watch.idOf(request)
      if (!answer || id === null) return false
      this.#answer({ watch, request, response, asked, began }, id, answer)
      return true
    }
    // A process that is alone first starts to follow a floor that it does not follow yet.
    const id = heads.isSole ? null : watch.idOf(request)
    if (id === null) return false
    heads.of(asked.restaurantId).then((told) => {
      const answer = this.#isClosing || response.destroyed ? null : found(told)
      if (answer) return this.#answer({ watch, request, response, asked, began }, id, answer)
      this.#told.set(request, told)
      otherwise()
    }, otherwise)
    return true
  }

  #answer({ watch, request, response, asked, began }: Taken, id: string, answer: Answer): void {
    this.#taken++
    const { etag, body } = answer
    const known = request.headers['if-none-match']
    const isKnown = known !== undefined && clientHas(known, etag)
    const cache = isKnown ? 'not-modified' : answer.found
    const status = isKnown ? 304 : 200
    const said = ['etag', etag, 'cache-control', 'private, no-cache', 'vary', 'accept-encoding', 'x-request-id', id]
    const timing = watch.timingOf(elapsedMillis() - began, cache)
    if (timing !== null) said.push('server-timing', timing)
    if (isKnown) response.writeHead(304, said).end()
    else {
      if (answer.coding !== 'identity') said.push('content-encoding', answer.coding)
      said.push('content-type', 'application/json', 'content-length', String(body.length))
      response.writeHead(200, said).end(body)
    }
    const { restaurantId, route, name: shape } = asked
    watch.took({ id, url: request.url!, route, status, millis: elapsedMillis() - began, restaurantId, shape, cache })
  }
}

/** A read that is answered here. */
interface Taken {
  readonly watch: RequestWatch
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly asked: Asked
  readonly began: number
}

/** Whether a request has something that repeated reads do not handle: a page's origin, or a body. */
const isUnusual = (headers: IncomingMessage['headers']): boolean =>
  headers.origin !== undefined ||
  headers['transfer-encoding'] !== undefined ||
  (headers['content-length'] !== undefined && headers['content-length'] !== '0') ||
  headers['content-type'] !== undefined

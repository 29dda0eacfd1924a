import { limits } from './limits.ts'
import { refusalOf, request } from './request.ts'
import type { Session } from './session.ts'
import type { Surroundings } from './surroundings.ts'

/** What turns an answer into what the caller wants, or throws: a schema of zod is one. */
export interface Schema<T> {
  parse(value: unknown): T
}

/**
 * Reads of the server beyond the floor, with the access token and its renewal. An answer with an ETag is kept and asked for with it: one that is the same is not
 * sent again, and is the same object where no schema is given. Spec: D19.
 */
export class Reader {
  readonly #at: Surroundings
  readonly #session: Session
  readonly #server: string
  readonly #restaurant: string
  readonly #kept = new Map<string, { readonly etag: string; readonly body: unknown }>()

  /** `restaurant` is the address of all of its paths. */
  constructor(at: Surroundings, session: Session, server: string, restaurant: string) {
    this.#at = at
    this.#session = session
    this.#server = server
    this.#restaurant = restaurant
  }

  /** Throws `ClientError`: not-signed-in, unreachable, or the code of the server's refusal. What `schema` throws is thrown on. */
  async read<T>(path: string, schema?: Schema<T>): Promise<T> {
    const url = (path.startsWith('/v2/') ? this.#server : this.#restaurant) + path
    const kept = this.#kept.get(url)
    const ask = async (token: string) =>
      request(this.#at, 'GET', url, null, {
        authorization: `Bearer ${token}`,
        ...(kept && { 'if-none-match': kept.etag }),
      })
    const token = await this.#session.token()
    let answer = await ask(token)
    if (answer?.status === 401) {
      this.#session.expire(token)
      answer = await ask(await this.#session.token())
    }
    const body = answer?.status === 304 ? kept?.body : answer?.status === 200 && answer.body
    if (!body) throw refusalOf(answer)
    if (answer!.etag !== null) this.#keep(url, { etag: answer!.etag, body })
    return schema ? schema.parse(body) : (body as T)
  }

  /** The newest last: the oldest goes first. */
  #keep(url: string, answer: { readonly etag: string; readonly body: unknown }): void {
    this.#kept.delete(url)
    this.#kept.set(url, answer)
    if (this.#kept.size > limits.keptReads) this.#kept.delete(this.#kept.keys().next().value!)
  }
}

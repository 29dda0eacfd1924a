import { limits } from './limits.ts'
import type { Surroundings } from './surroundings.ts'
import { ClientError } from './words.ts'

/** An answer that could be read; `body` is an empty object where it is no JSON object. */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  /** What `Retry-After` asks for, in milliseconds. */
  readonly afterMillis: number | null
  readonly etag: string | null
}

/** Sends JSON and reads JSON. Null when there was no answer: no network, too late, cut off. Never throws. */
export async function request(
  { fetch, after }: Pick<Surroundings, 'fetch' | 'after'>,
  method: string,
  url: string,
  body: object | null,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer | null> {
  const abort = new AbortController()
  const callOff = after(limits.requestMillis, () => abort.abort())
  try {
    const answer = await fetch(url, {
      method,
      headers: { accept: 'application/json', ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
      signal: abort.signal,
      redirect: 'manual',
    })
    const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN)
    return {
      status: answer.status,
      body: objectOf(await answer.text()),
      afterMillis: seconds >= 0 && seconds <= 3_600 ? seconds * 1000 : null,
      etag: answer.headers.get('etag'),
    }
  } catch {
    return null
  } finally {
    callOff()
  }
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {}
  } catch {
    return {}
  }
}

/** The error of an answer that gives nothing: the server's own code, or `unreachable` where nobody knows. */
export function refusalOf(answer: Answer | null): ClientError {
  const { code, title } = answer?.body ?? {}
  if (answer && answer.status < 500 && typeof code === 'string')
    return new ClientError(code, typeof title === 'string' ? title : 'The server refused this')
  return new ClientError('unreachable', 'The server could not be asked; try again')
}

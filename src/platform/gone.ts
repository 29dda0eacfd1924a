import type { ServerResponse } from 'node:http'

/** Aborts when the client of a request is gone before it had its answer: nobody waits for it any more. */
export function whenGone(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  return gone.signal
}

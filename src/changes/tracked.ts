import type { ServerResponse } from 'node:http'
import type { Db } from '../platform/database/db.ts'
import { ClientGone } from '../platform/http/client-gone.ts'
import type { Trail } from '../platform/observability/request-trail.ts'
import type { Commits } from './commits.ts'
import type { Change } from './log/log.ts'

interface Trackable {
  readonly db: Db
  readonly publish: (change: Change) => void
  /** Where none are noted, neither are statements. */
  readonly commits?: Commits | undefined
}

/**
 * What a request works with: its statements and its change are noted on its trail, and it takes no connection any more once its client is gone. What is under way
 * then is ended as it would have been.
 */
export function tracked<D extends Trackable>(
  deps: D,
  trail: Trail,
  response: ServerResponse,
): D & { readonly trail: Trail } {
  const { commits, publish } = deps
  const db = deps.db.until(new ClientGone(response), commits?.measuring.isOn ? trail : undefined)
  const said = (change: Change) => {
    trail.seq = change.seq
    // Before it is published: whoever hears of it asks for the span.
    if (trail.span) commits?.made(change, trail.part)
    publish(change)
  }
  // The new one first: V8 gives what is spread and then added to a hidden class of its own each time.
  return { trail, ...deps, db, publish: said }
}

import type { ServerResponse } from 'node:http'
import type { Db } from '../platform/database/db.ts'
import { ClientGone } from '../platform/http/client-gone.ts'
import type { Trail } from '../platform/observability/request-trail.ts'
import type { Commits } from './commits.ts'
import type { Change } from './log/log.ts'

interface Trackable {
  readonly db: Db
  readonly publish: (change: Change) => void
  /** Without it, statements are not noted either. */
  readonly commits?: Commits | undefined
}

/**
 * The dependencies of a request. Its trail notes its statements and its change. It takes no new connection once its
 * client is gone; running work ends normally.
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
    // Before it is published: receivers ask for the span.
    if (trail.span) commits?.made(change, trail.part)
    publish(change)
  }
  // The new property comes first: V8 gives a spread object with a later property a new hidden class each time.
  return { trail, ...deps, db, publish: said }
}

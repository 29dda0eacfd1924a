import type { Db } from '../platform/db.ts'
import type { Trail } from '../platform/trail.ts'
import type { Commits } from './commits.ts'
import type { Change } from './log.ts'

interface Trackable {
  readonly db: Db
  readonly publish: (change: Change) => void
  /** Where nothing is measured there are none. */
  readonly commits?: Commits | undefined
}

/** What a request works with, so that its statements and its change are noted on its trail. */
export function tracked<D extends Trackable>(deps: D, trail: Trail): D & { readonly trail: Trail } {
  const { commits, publish } = deps
  if (!commits) return { ...deps, trail }
  const said = (change: Change) => {
    trail.seq = change.seq
    // Before it is published: whoever hears of it asks for the span.
    if (trail.span) commits.made(change, trail.part)
    publish(change)
  }
  return { ...deps, db: deps.db.watchedBy(trail), publish: said, trail }
}

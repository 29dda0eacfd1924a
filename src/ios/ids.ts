import { isId } from '../platform/ids.ts'
import { notFound } from './errors.ts'

/** The id in a path. A text that cannot be an id names nothing: 404. */
export function pathId(params: Readonly<Record<string, string>>, name: string): string {
  const id = params[name] ?? ''
  if (!isId(id)) throw notFound()
  return id
}

// Nothing has the nil UUID (RFC 9562 section 5.9).
const NOTHING = '00000000-0000-0000-0000-000000000000'

/** An id in a body. A text that cannot be an id becomes the id of nothing, so it is refused like any unknown id. */
export const idOrNothing = (text: string): string => (isId(text) ? text : NOTHING)

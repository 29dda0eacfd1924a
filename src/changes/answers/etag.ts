import type { Place } from '../query.ts'

/** The answer of a read: a text with its ETag, if it has one; no text when the client already has it. */
export interface ReadAnswer {
  readonly etag: string | null
  readonly body: string | Buffer | null
  /** Its media type; JSON if there is none. */
  readonly type?: string
}

/**
 * The ETag of an answer at a place. It is weak: unordered content may come in any order. `mark`: the other inputs of
 * the answer, for one that shows how long something has lasted.
 */
export const etagAt = ({ epoch, seq, hour }: Place, mark = ''): string =>
  `W/"${epoch}.${seq}.${hour.slice(0, 13)}${mark === '' ? '' : `.${mark}`}"`

/**
 * Whether a client has the answer of an ETag: `If-None-Match` may list several. `*` does not count: it would say of
 * any answer that nothing has changed.
 */
export const clientHas = (ifNoneMatch: string | null | undefined, etag: string): boolean => {
  if (ifNoneMatch === null || ifNoneMatch === undefined) return false
  return ifNoneMatch === etag || ifNoneMatch.split(',').some((each) => opaque(each.trim()) === opaque(etag))
}

const opaque = (etag: string): string => etag.replace(/^W\//, '')

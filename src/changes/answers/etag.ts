import type { Place } from '../query.ts'

/** What a read is answered: JSON text with its ETag, if it has one; no text when the client has it already. */
export interface ReadAnswer {
  readonly etag: string | null
  readonly body: string | Buffer | null
}

/**
 * The ETag of whatever stands at a place. Weak: what is in no order may come in any. `mark`: what else the answer depends on, for one that tells how long
 * something has lasted.
 */
export const etagAt = ({ epoch, seq, hour }: Place, mark = ''): string =>
  `W/"${epoch}.${seq}.${hour.slice(0, 13)}${mark === '' ? '' : `.${mark}`}"`

/** Whether a client has what an ETag names: `If-None-Match` may list several. `*` is none of them: it would say of anything that nothing has changed. */
export const clientHas = (ifNoneMatch: string | null | undefined, etag: string): boolean => {
  if (ifNoneMatch === null || ifNoneMatch === undefined) return false
  return ifNoneMatch === etag || ifNoneMatch.split(',').some((each) => opaque(each.trim()) === opaque(etag))
}

const opaque = (etag: string): string => etag.replace(/^W\//, '')

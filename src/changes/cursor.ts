import { z } from 'zod'
import type { Instant } from '../platform/clock.ts'
import { instantField } from '../platform/fields.ts'
import { isId } from '../platform/ids.ts'

/** The position of an item in a list, newest first. Items of one change share their time, so the id is part of it. */
export interface Cursor {
  readonly createdAt: Instant
  readonly id: string
}

/** A cursor as clients get it: an opaque text of 86 characters. */
export const cursorText = ({ createdAt, id }: Cursor): string => Buffer.from(`${createdAt} ${id}`).toString('base64url')

/** A returned cursor: only texts that `cursorText` could have made are valid. */
export const cursorField = z
  .string()
  .regex(/^[A-Za-z0-9_-]{86}$/, 'must be the next of an earlier page')
  .meta({ description: 'The value of next from the previous page' })
  .transform((text, ctx): Cursor => {
    const [createdAt = '', id = ''] = Buffer.from(text, 'base64url').toString('latin1').split(' ')
    const time = instantField.safeParse(createdAt)
    if (time.success && isId(id)) {
      const cursor = { createdAt: time.data, id }
      if (cursorText(cursor) === text) return cursor
    }
    ctx.addIssue('must be the next of an earlier page')
    return z.NEVER
  })

/** The position after everything of a time and later. */
export const placeBefore = (createdAt: Instant): Cursor => ({ createdAt, id: '00000000-0000-0000-0000-000000000000' })

import { z } from 'zod'
import { idField, instantField, intField } from '../platform/fields.ts'
import { AppError } from '../platform/errors.ts'
import { limits } from '../platform/limits.ts'
import type { Db } from '../platform/database/db.ts'
import type { LiveFloors } from '../changes/floor/live-floors.ts'
import { changesShape, snapshotShape } from './stream/protocol.ts'
import { aheadOfLog } from '../changes/log/log.ts'
import { changesSince } from '../changes/log/since.ts'
import { clientHas, etagAt, type ReadAnswer } from '../changes/answers/etag.ts'

/**
 * The conditions of a read of the floor. `minSeq` is the oldest acceptable state, `ifNoneMatch` the ETag that the
 * client has.
 */
export interface FloorAsked<Input> {
  readonly deps: { readonly db: Db; readonly floors: LiveFloors }
  readonly restaurantId: string
  readonly input: Input
  readonly minSeq: number | null
  readonly ifNoneMatch: string | null
}

/** A read that is answered directly from memory or the log, without a query. */
export interface FloorRead<Input extends z.ZodType = z.ZodType> {
  readonly name: string
  readonly summary: string
  /** Below `/v2/restaurants/:restaurantId`. */
  readonly path: string
  readonly input: Input
  readonly answer: z.ZodType
  /** Statuses of its refusals, besides those of every read. */
  readonly refusals: readonly number[]
  handle(asked: FloorAsked<z.output<Input>>): Promise<ReadAnswer>
}

const floorRead = <Input extends z.ZodType>(read: FloorRead<Input>): FloorRead<Input> => read

/** The whole floor after one change. Spec: F6. */
export const snapshot = floorRead({
  name: 'get-snapshot',
  summary: 'The whole floor after one change. The stream and the changes continue from there',
  path: '/snapshot',
  input: z.strictObject({}),
  answer: snapshotShape,
  refusals: [409],
  async handle({ deps, restaurantId, minSeq, ifNoneMatch }) {
    const { live, release } = await deps.floors.hold(restaurantId)
    try {
      if (minSeq !== null) await live.reach(minSeq)
      const { epoch, seq, horizon } = live.floor.standing
      const etag = etagAt({ epoch, seq, hour: horizon })
      return { etag, body: clientHas(ifNoneMatch, etag) ? null : `{${live.floor.text}}` }
    } finally {
      release()
    }
  },
})

/** The changes after a position, oldest first. Spec: F6, L9. */
export const changes = floorRead({
  name: 'get-changes',
  summary: 'The changes after the position of the client, oldest first',
  path: '/changes',
  input: z.strictObject({
    epoch: idField,
    since: z.coerce.number().pipe(intField(0, Number.MAX_SAFE_INTEGER)),
    at: instantField.optional(),
    limit: z.coerce.number().pipe(intField(1, limits.changesPerRead)).default(limits.changesPerRead),
  }),
  answer: changesShape,
  refusals: [409, 410],
  async handle({ deps, restaurantId, input, minSeq, ifNoneMatch }) {
    const found = await deps.db.transaction({ restaurantId }, (tx) => changesSince(tx, restaurantId, input))
    if (minSeq !== null && found.head < minSeq) throw aheadOfLog(found.head, minSeq)
    if (found.kind === 'resync') {
      const { kind: _, ...details } = found
      throw new AppError('resync-required', 410, 'The log does not go on from there: take a snapshot', details)
    }
    const etag = `W/"${found.epoch}.${found.head}"`
    const frames = found.changes.map(({ frame }) => frame).join(',')
    const body = `{"epoch":"${found.epoch}","head":${found.head},"changes":[${frames}]}`
    return { etag, body: clientHas(ifNoneMatch, etag) ? null : body }
  },
})

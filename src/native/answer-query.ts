import { CSV_TYPE, csvOf } from '../platform/http/csv.ts'
import { fullHour } from '../platform/clock.ts'
import { readInput, type Context } from '../changes/command/command.ts'
import type { LiveFloors } from '../changes/floor/live-floors.ts'
import { askAt, type Query, type QueryDeps } from '../changes/query.ts'
import { clientHas, etagAt, type ReadAnswer } from '../changes/answers/etag.ts'

/** The conditions of a query besides its input. */
export interface Asked {
  readonly raw: object
  /** The oldest acceptable state. */
  readonly minSeq: number | null
  /** The ETag that the client has. */
  readonly ifNoneMatch: string | null
}

/**
 * Answers a query, or says that the client already has the answer: from the floor in memory, without the database.
 * Without the header `If-None-Match` no floor is kept for it. Throws `AppError` as `askAt` does. Spec: N4, N5, N6.
 */
export async function answerQuery(
  deps: QueryDeps & { readonly floors: LiveFloors },
  q: Query,
  context: Context,
  { raw, minSeq, ifNoneMatch }: Asked,
): Promise<ReadAnswer> {
  const input = readInput(q, context, raw)
  const { restaurantId } = context
  if (q.followsLog && ifNoneMatch !== null) {
    const etag = await etagNow(deps, restaurantId, minSeq)
    if (clientHas(ifNoneMatch, etag)) return { etag, body: null }
  }
  const { place, result, next } = await askAt(deps, q, restaurantId, input, minSeq)
  const etag = q.followsLog ? etagAt(place) : null
  if (q.csv && input['format'] === 'csv') return { etag, body: csvOf(q.csv, result as Row[]), type: CSV_TYPE }
  return { etag, body: JSON.stringify({ result, next }) }
}

type Row = Readonly<Record<string, unknown>>

/** The ETag of the answer that would be given now. */
async function etagNow(
  { floors, clock }: QueryDeps & { readonly floors: LiveFloors },
  restaurantId: string,
  minSeq: number | null,
): Promise<string> {
  const { live, release } = await floors.hold(restaurantId)
  try {
    if (minSeq !== null) await live.reach(minSeq)
    return etagAt({ hour: fullHour(clock.now()), ...live.floor.standing })
  } finally {
    release()
  }
}

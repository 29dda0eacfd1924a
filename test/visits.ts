import type { TestDatabase } from './database.ts'
import type { Restaurant } from './kit.ts'

/** Visits that are put into a restaurant's tables as they were, without a change in its log. */

/** A visit of a guest. Times are instants, or null. */
export interface PastVisit {
  readonly partySize: number
  readonly status: string
  readonly reservationTime?: string | null
  readonly checkInTime?: string | null
  readonly seatedTime?: string | null
  readonly finishedTime?: string | null
  readonly endedAt?: string | null
  readonly quotedFrom?: number
  readonly quotedTo?: number
  readonly quotedAt?: string
  readonly firstQuotedTo?: number
  readonly endReason?: string
}

const INSERT = `
insert into qtable.guests (restaurant_id, id, first_name, last_name, party_size, status, reservation_time, check_in_time,
  seated_time, finished_time, ended_at, quoted_from, quoted_to, quoted_at, first_quoted_to, end_reason,
  created_at, updated_at)
select $1, gen_random_uuid(), 'Ada', '', v."partySize", v.status, v."reservationTime", v."checkInTime", v."seatedTime",
  v."finishedTime", v."endedAt", v."quotedFrom", v."quotedTo", v."quotedAt", v."firstQuotedTo", v."endReason",
  coalesce(v."checkInTime", v."seatedTime", v."endedAt"), now()
from json_to_recordset($2) as v ("partySize" int, status text, "reservationTime" timestamptz, "checkInTime" timestamptz,
  "seatedTime" timestamptz, "finishedTime" timestamptz, "endedAt" timestamptz, "quotedFrom" int,
  "quotedTo" int, "quotedAt" timestamptz, "firstQuotedTo" int, "endReason" text)`

/** Puts visits into a restaurant. */
export const putVisits = (database: TestDatabase, restaurantId: string, visits: readonly PastVisit[]) =>
  database.sql(INSERT, [restaurantId, JSON.stringify(visits)])

/** A visit that sat down at an instant and stayed so many minutes. */
export function sat(at: string, minutes: number, partySize = 2, more: Partial<PastVisit> = {}): PastVisit {
  const finishedTime = new Date(Date.parse(at) + minutes * 60_000).toISOString()
  return { partySize, status: 'finished', seatedTime: at, finishedTime, endedAt: finishedTime, ...more }
}

/** An instant moved by minutes. */
export const later = (at: string, minutes: number): string => new Date(Date.parse(at) + minutes * 60_000).toISOString()

/** A visit so many days ago, by the system's clock. */
export const satDaysAgo = (days: number): PastVisit => sat(later(new Date().toISOString(), -days * 1_440), 50)

/** Gives a restaurant a day that is over and counted: turn times, and rows in every table of counts. */
export async function putCountedDay(
  database: TestDatabase,
  restaurant: Pick<Restaurant, 'id' | 'v2'>,
  number = '1',
): Promise<void> {
  await putVisits(database, restaurant.id, [satDaysAgo(3)])
  await database.sql(
    `insert into qtable.table_days (restaurant_id, day, table_id, number, seats, parties, minutes)
     values ($1, current_date - 3, gen_random_uuid(), $2, 4, 1, 50)`,
    [restaurant.id, number],
  )
  const { status, text } = await restaurant.v2('POST', '/turns/refresh', {})
  if (status !== 200) throw new Error(`refresh-turns: ${text}`)
  // What is counted stays without it.
  await database.sql(`delete from qtable.guests where restaurant_id = $1 and status = 'finished'`, [restaurant.id])
}

import { statement, type Tx } from '../platform/database/db.ts'
import { limits } from '../platform/limits.ts'
import { microsOf, type Instant } from '../platform/clock.ts'
import { tableDaysOf, type TableDay, type TableMoment } from './rules.ts'
import { CLOCK, dayOf, type Days } from './visits.ts'

/**
 * Reads and stores what tables are used for. A party's row forgets its table when it leaves, so the use is read from the
 * change log: once for each day, before its days are dropped.
 */

const momentsThat = (condition: string): string => `
   select value->>'id' as "tableId", (extract(epoch from at) * 1000)::float8 as at, ${dayOf('at')}::text as day,
     value->>'status' = 'occupied' as "isOccupied", coalesce(value->>'guestId', value->>'reservationId') as "partyId",
     value->>'number' as number, (value->>'capacity')::int as seats, value->>'section' as section
   from (
     select c.seq, c.at, entry->>'kind' as kind, entry->'value' as value
     from changes c, json_array_elements(c.entries) entry
     where c.restaurant_id = $1 and ${condition}) entries, ${CLOCK} clock
   where kind = 'table' and value is not null order by seq`

const readMoments = statement('table-moments', momentsThat('c.at >= $2 and c.at < $3'))

// Housekeeping may not run: then the days before are missing, and not read each time.
const readUncounted = statement(
  'uncounted-table-moments',
  momentsThat(
    `c.at >= (select greatest($2::timestamptz - interval '${limits.insightDays.uncounted} days', max(u.until))
      from counted_visits u where u.restaurant_id = $1)`,
  ),
)

const COLUMNS = `day date, "tableId" uuid, number text, seats integer, section text, parties integer, minutes float8`

const addDays = statement(
  'add-table-days',
  `insert into table_days (restaurant_id, day, table_id, number, seats, section, parties, minutes)
   select $1, day, "tableId", number, seats, section, parties, minutes from json_to_recordset($2) as t (${COLUMNS})
   on conflict (restaurant_id, day, table_id) do update
   set number = excluded.number, seats = excluded.seats, section = excluded.section,
     parties = table_days.parties + excluded.parties, minutes = table_days.minutes + excluded.minutes`,
)

const readDays = statement(
  'table-days',
  `select day::text as day, table_id as "tableId", number, seats, section, parties, minutes from table_days
   where restaurant_id = $1 and day between $2 and $3 order by day`,
)

/** What the log says of tables from `from` until `to`, in order. */
export const readTableMoments = (tx: Tx, restaurantId: string, from: Instant, to: Instant): Promise<TableMoment[]> =>
  tx.all<TableMoment>(readMoments, [restaurantId, from, to])

/** Adds to what is counted. */
export function addTableDays(tx: Tx, restaurantId: string, days: readonly TableDay[]): void {
  tx.send(addDays, [restaurantId, JSON.stringify(days)])
}

/** The use of tables on some days, with what no refresh has counted yet. A table in use is so until `now` at least. */
export async function readTableUse(
  tx: Tx,
  restaurantId: string,
  { first, last }: Days,
  now: Instant,
): Promise<TableDay[]> {
  const [counted, moments] = await Promise.all([
    tx.all<TableDay>(readDays, [restaurantId, first, last]),
    tx.all<TableMoment>(readUncounted, [restaurantId, now]),
  ])
  const uncounted = tableDaysOf(moments, Math.max(microsOf(now) / 1000, moments.at(-1)?.at ?? 0))
  return [...counted, ...uncounted.filter(({ day }) => day >= first && day <= last)]
}

import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Db } from '../platform/database/db.ts'
import { StartupError } from '../platform/errors.ts'
import { microsOf, type Clock } from '../platform/clock.ts'
import { wordOf } from './old/fields.ts'
import { importRestaurant } from './import-restaurant.ts'
import { Emails } from './map/staff.ts'
import { OLD_KINDS, type OldDatabase, type OldKind, type OldRow } from './old/database.ts'
import { OldPostgres } from './old/postgres.ts'
import { OldSqlite } from './old/sqlite.ts'
import type { OldAddress, Options } from './options.ts'
import { Progress } from './progress.ts'
import { addsUp, addTo, newTally, Report, summaryOf, type Tally } from './report.ts'
import { instantIn, isZone, Zone } from './old/times.ts'
import { identify, Ids, setAside, type Import } from './work.ts'

/** Opens the old database and makes sure that it is one. Throws `StartupError`. */
export async function openOld(from: OldAddress): Promise<OldDatabase> {
  const source = from.kind === 'sqlite' ? OldSqlite.open(from.path) : await OldPostgres.open(from.url)
  try {
    await source.check()
    return source
  } catch (error) {
    await source.close()
    throw error
  }
}

// Any number will do that nothing else takes.
const LOCK = 7_148_202
const LOCK_ATTEMPTS = 20
const LOCK_PAUSE_MILLIS = 250

/** The right to be the one import into a database; ends with the connection. Throws `StartupError` when another is under way. */
export async function lockImport(url: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url, application_name: 'qtable import' })
  client.on('error', () => undefined)
  await client.connect()
  // One that was killed a moment ago may not be gone yet.
  for (let attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
    const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [LOCK])
    if (rows[0]!.got) return () => client.end()
    await sleep(LOCK_PAUSE_MILLIS)
  }
  await client.end()
  throw new StartupError('Another import into this database is under way')
}

/** Where an import writes what it says. */
export interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** Copies everything. Gives whether every row is accounted for and none was refused. Throws `StartupError`. Spec: I1, I6. */
export async function runImport(
  deps: {
    readonly db: Db
    readonly clock: Clock
    readonly out: Output
    readonly source: OldDatabase
    readonly folder: string
  },
  options: Pick<Options, 'dryRun' | 'onlyMissing' | 'timeZone'>,
): Promise<{ ok: boolean; tally: Tally }> {
  const { db, clock, source } = deps
  const zone = zoneOf(options.timeZone ?? source.timeZone)
  let total = 0
  for (const kind of OLD_KINDS) total += await source.count(kind)
  const progress = new Progress(deps.out, clock, total)
  const stamp = clock.now().slice(0, 19).replace(/[-:]/g, '')
  const file = options.dryRun ? null : `${deps.folder}/import-set-aside-${stamp}.jsonl`
  const report = new Report((line) => progress.say(line), file)
  progress.say(`Reading ${source.where}: ${total} rows; its own times are those of ${zone.name}`)
  const { emails, ids } = await lookAhead(source, zone)
  const base: Import = { db, source, zone, clock, report, progress, emails, ids, ...options }
  const tally = newTally()
  await warnOfFuture(base)
  try {
    for await (const page of source.rows('restaurants', 'all'))
      for (const row of page) {
        progress.step(1)
        addTo(tally, await oneRestaurant(base, row))
      }
    addTo(tally, await orphans(base))
    report.settle()
  } finally {
    report.close()
  }
  await tellEnd(base, tally, progress.end())
  return { ok: addsUp(tally), tally }
}

function zoneOf(name: string): Zone {
  if (isZone(name)) return new Zone(name)
  throw new StartupError(
    `The old database's server is in the time zone ${name}, which is no zone that is known here. Say which it is: --time-zone Europe/Berlin`,
  )
}

/** What must be known of all rows before the first: who shares an e-mail, which ids differ in case only. */
async function lookAhead(source: OldDatabase, zone: Zone): Promise<{ emails: Emails; ids: Ids }> {
  const twins = new Map<OldKind, Map<string, boolean>>()
  for (const kind of OLD_KINDS) twins.set(kind, await source.twins(kind))
  const emails = new Emails()
  const restaurants = new Set<string>()
  for await (const page of source.rows('restaurants', 'all'))
    for (const row of page) restaurants.add(wordOf(row['id']) ?? '')
  const probe = new Ids(twins)
  for await (const page of source.rows('users', 'all'))
    for (const row of page) {
      const id = probe.of('users', row)
      if ('oldId' in id && restaurants.has(wordOf(row['restaurant_id']) ?? '')) emails.add(id.oldId, row, zone)
    }
  return { emails, ids: new Ids(twins) }
}

/** Times ahead of now are the sign of a wrong time zone. */
async function warnOfFuture({ source, zone, clock, report }: Import): Promise<void> {
  const now = clock.now()
  for await (const page of source.rows('restaurants', 'all'))
    for (const row of page) {
      const newest = await source.newest(wordOf(row['id']) ?? '')
      const at = newest === null ? undefined : instantIn(zone, newest)
      if (at === undefined || microsOf(at) <= microsOf(now) + 60e6) continue
      return report.say(
        `Look: something was changed at ${at}, which is yet to come. The times are probably not those of ${zone.name}: give --time-zone`,
      )
    }
}

async function oneRestaurant(base: Import, row: OldRow): Promise<Tally> {
  const tally = newTally()
  const oldId = identify({ ...base, tally }, 'restaurants', row)
  if (oldId !== null) return importRestaurant(base, row, oldId)
  // Its id is in use or missing, so nothing that belongs to it has a place.
  const id = wordOf(row['id'])
  if (id !== null) await setAllAside(base, tally, { restaurant: id }, 'its restaurant was set aside')
  return tally
}

async function orphans(base: Import): Promise<Tally> {
  const tally = newTally()
  await setAllAside(base, tally, 'orphans', 'its restaurant is not there')
  return tally
}

async function setAllAside(
  base: Import,
  tally: Tally,
  which: 'orphans' | { restaurant: string },
  why: string,
): Promise<void> {
  for (const kind of OLD_KINDS) {
    if (kind === 'restaurants') continue
    for await (const page of base.source.rows(kind, which)) {
      for (const row of page) {
        tally[kind].read++
        setAside({ report: base.report, tally }, kind, row, why)
      }
      base.progress.step(page.length)
    }
  }
}

async function tellEnd({ source, report, dryRun }: Import, tally: Tally, seconds: number): Promise<void> {
  report.say('')
  for (const line of summaryOf(tally)) report.say(line)
  report.say('')
  const homeless = await source.homeless()
  if (homeless.length > 0) {
    const list = homeless.map(({ column, rows }) => `${column} (${rows})`).join(', ')
    report.say(`Columns that QTable has no place for, and how many rows have something there: ${list}`)
  }
  const { kept } = report
  if (kept)
    report.say(
      kept.file
        ? `${kept.rows} rows, as they were, are in ${kept.file}`
        : `${kept.rows} rows would be kept in a file as they were`,
    )
  if (dryRun) report.say('A dry run: nothing was stored.')
  const refused = tally.restaurants.refused
  if (refused > 0) report.say(`${refused} restaurants were not touched; the reasons are above.`)
  report.say(
    `${addsUp(tally) ? 'Everything is accounted for' : 'NOT everything was imported'}, in ${seconds.toFixed(1)} s.`,
  )
}

import { isOver } from '../parties/rules.ts'
import { readTables } from '../tables/tables.ts'
import { wordOf } from './old/fields.ts'
import { idOf } from './old/ids.ts'
import { claimOf, mapGuest, mapReservation, type PartyContext } from './map/parties.ts'
import { numberApart, readTable, type ReadTable } from './map/tables.ts'
import type { OldKind, OldRow } from './old/database.ts'
import {
  keyOf,
  pairUp,
  type PartyClaim,
  type PartyKey,
  type PartyPlace,
  type TableClaim,
  type TablePlace,
} from './map/pairs.ts'
import type { Mapped } from './old/rows.ts'
import { buryRows, findGuests, letGo, removeOthers, storeRows, type FloorKind } from './target.ts'
import { instantIn } from './old/times.ts'
import { account, identify, noteId, type Work } from './work.ts'

/** Brings over tables, guests and reservations. Gives whether anything changed. */
export async function importFloor(work: Work): Promise<boolean> {
  const all = await readAllTables(work)
  const { there, newTables } = await tablesToStore(
    work,
    all.filter(({ isActive }) => isActive),
  )
  const context = await contextOf(work, all, there)
  const places =
    work.mode === 'missing'
      ? { tables: new Map<string, TablePlace>(), parties: new Map<string, PartyPlace>() }
      : pairUp(...(await claims(work, newTables, context)))
  const rows = newTables.map((table) => tableRow(table, places.tables.get(table.id)))
  let changed = 0
  const gone = all.filter(({ isActive }) => !isActive)
  changed += await bury(work, gone)
  if (work.mode === 'refresh') {
    changed += (
      await removeOthers(
        work.tx,
        'table',
        work.restaurantId,
        rows.map(({ row }) => String(row['id'])),
        work.now,
      )
    ).length
    await letGo(
      work.tx,
      work.restaurantId,
      rows.map(({ row }) => row),
    )
  }
  changed += await store(work, 'table', 'restaurant_tables', rows)
  for (const mapped of existing(all, newTables, gone)) account(work, 'restaurant_tables', [mapped], new Set())
  changed += await importParties(work, 'guest', 'guests', context, places.parties)
  changed += await importParties(work, 'reservation', 'reservations', context, places.parties)
  return changed > 0
}

async function readAllTables(work: Work): Promise<ReadTable[]> {
  const tables: ReadTable[] = []
  for await (const page of work.source.rows('restaurant_tables', { restaurant: work.oldRestaurantId })) {
    for (const row of page) {
      const oldId = identify(work, 'restaurant_tables', row)
      if (oldId !== null) tables.push(readTable(row, oldId, work.zone, work.otherwise))
    }
    work.progress.step(page.length)
  }
  return tables
}

/** The tables to be stored, each with a number of its own, and the ids of those that will be there. */
async function tablesToStore(
  work: Work,
  active: readonly ReadTable[],
): Promise<{ there: Set<string>; newTables: ReadTable[] }> {
  if (work.mode !== 'missing') return { there: new Set(active.map(({ id }) => id)), newTables: numberApart(active) }
  const own = await readTables(work.tx, work.restaurantId)
  const there = new Set(own.map(({ id }) => id))
  const newTables = numberApart(
    active.filter(({ id }) => !there.has(id)),
    new Set(own.map(({ number }) => number)),
  )
  return { there, newTables }
}

/** Tables that QTable has already, when only what is missing is added. */
const existing = (all: readonly ReadTable[], stored: readonly ReadTable[], gone: readonly ReadTable[]): Mapped[] => {
  const known = new Set([...stored, ...gone].map(({ id }) => id))
  return all.filter(({ id }) => !known.has(id)).map((table) => ({ ...table, row: {}, problems: [] }))
}

async function contextOf(work: Work, all: readonly ReadTable[], there: ReadonlySet<string>): Promise<PartyContext> {
  const newest = await work.source.newest(work.oldRestaurantId)
  const known = new Set(all.map(({ id }) => id))
  return {
    zone: work.zone,
    otherwise: work.otherwise,
    newest: (newest === null ? undefined : instantIn(work.zone, newest)) ?? work.otherwise,
    tableAt(old) {
      if (work.mode === 'missing') return { nowhere: 'it names a table, and the tables are as QTable has them' }
      const id = idOf('restaurant_tables', old)
      if (there.has(id)) return { tableId: id }
      return { nowhere: known.has(id) ? 'it names a table that was removed' : 'it names a table that is not there' }
    },
  }
}

/** Everything that tables and parties say of each other. */
async function claims(
  work: Work,
  tables: readonly ReadTable[],
  context: PartyContext,
): Promise<[TableClaim[], PartyClaim[]]> {
  const parties = new Map<string, PartyClaim>()
  const add = (kind: PartyKey['kind'], row: OldRow) => {
    const oldId = wordOf(row['id'])
    if (oldId === null) return
    const claim = claimOf(kind, row, oldId, context)
    if (!isOver(claim.status)) parties.set(keyOf(claim), claim)
  }
  for (const [kind, old] of [
    ['guest', 'guests'],
    ['reservation', 'reservations'],
  ] as const)
    for await (const page of work.source.rows(old, { restaurant: work.oldRestaurantId, atTables: true }))
      for (const row of page) add(kind, row)

  const names = tables.flatMap(({ names }) => (names === null ? [] : [names]))
  const wanted = [...new Set(names.flatMap((name) => [name, name.toLowerCase()]))]
  const named = new Map<string, PartyKey | { nobody: string }>()
  for (const [kind, old] of [
    ['reservation', 'reservations'],
    ['guest', 'guests'],
  ] as const)
    for (const row of await work.source.byIds(old, wanted)) {
      const id = idOf(old, wordOf(row['id'])!)
      const own = wordOf(row['restaurant_id']) === work.oldRestaurantId
      if (own) add(kind, row)
      if (own || !named.has(id))
        named.set(id, own ? nameOf(kind, id, row, context) : { nobody: `names a ${kind} of another restaurant` })
    }
  const lookup = (name: string) =>
    named.get(idOf('guests', name)) ?? named.get(idOf('reservations', name)) ?? { nobody: 'names nobody that is there' }
  const said = tables.map(({ id, number, status, names }) => ({
    id,
    number,
    status,
    names: names === null ? null : lookup(names),
  }))
  return [said, [...parties.values()]]
}

const nameOf = (
  kind: PartyKey['kind'],
  id: string,
  row: OldRow,
  context: PartyContext,
): PartyKey | { nobody: string } =>
  isOver(claimOf(kind, row, wordOf(row['id'])!, context).status)
    ? { nobody: `names ${kind} ${id}, whose visit is over` }
    : { kind, id }

function tableRow(table: ReadTable, place: TablePlace | undefined): Mapped {
  const { id, number, capacity, x, y, shape, section } = table
  const problems = [...table.problems, ...(place?.problems ?? [])]
  const alone = place === undefined && table.status === 'occupied'
  if (alone)
    problems.push({ wrong: 'is occupied, and parties at tables are as QTable has them', done: 'available now' })
  const row = {
    id,
    number,
    capacity,
    x,
    y,
    shape,
    section,
    status: place?.status ?? (alone ? 'available' : table.status),
    guest_id: place?.party?.kind === 'guest' ? place.party.id : null,
    reservation_id: place?.party?.kind === 'reservation' ? place.party.id : null,
    created_at: table.createdAt,
    updated_at: table.updatedAt,
  }
  return noteId('restaurant_tables', { old: table.old, oldId: table.oldId, row, problems, lost: table.lost })
}

/** Leaves marks of the tables that were removed in the old database. */
async function bury(work: Work, gone: readonly ReadTable[]): Promise<number> {
  const there =
    work.mode === 'missing'
      ? new Set((await readTables(work.tx, work.restaurantId)).map(({ id }) => id))
      : new Set<string>()
  const ids = gone.map(({ id }) => id).filter((id) => !there.has(id))
  const buried = await buryRows(work.tx, 'table', work.restaurantId, ids, work.now)
  account(
    work,
    'restaurant_tables',
    gone.map((table) => ({ ...table, row: {}, problems: [], lost: false })),
    buried,
  )
  return buried.size
}

async function store(work: Work, kind: FloorKind, old: OldKind, mapped: readonly Mapped[]): Promise<number> {
  const missing = work.mode === 'missing'
  const rows = mapped.map(({ row, problems }) => ({ ...row, mended: missing || problems.length > 0 }))
  const stored = await storeRows(work.tx, kind, work.restaurantId, rows, work.now, missing)
  account(work, old, mapped, stored)
  return stored.size
}

async function importParties(
  work: Work,
  kind: PartyKey['kind'],
  old: 'guests' | 'reservations',
  context: PartyContext,
  places: ReadonlyMap<string, PartyPlace>,
): Promise<number> {
  let changed = 0
  const kept: string[] = []
  for await (const page of work.source.rows(old, { restaurant: work.oldRestaurantId })) {
    const mapped: Mapped[] = []
    for (const row of page) {
      const oldId = identify(work, old, row)
      if (oldId === null) continue
      const place = places.get(keyOf({ kind, id: idOf(old, oldId) })) ?? placeAlone(kind, row, oldId, context)
      const one = kind === 'guest' ? mapGuest(row, oldId, context, place) : mapReservation(row, oldId, context, place)
      mapped.push(noteId(old, one))
    }
    if (kind === 'reservation') await dropMissingGuests(work, mapped)
    changed += await store(work, kind, old, mapped)
    if (work.mode === 'refresh') kept.push(...mapped.map(({ row }) => String(row['id'])))
    work.progress.step(page.length)
  }
  if (work.mode !== 'refresh') return changed
  return changed + (await removeOthers(work.tx, kind, work.restaurantId, kept, work.now)).length
}

/** What becomes of a party that names a table and was not among those that may have one. */
function placeAlone(kind: PartyKey['kind'], row: OldRow, oldId: string, context: PartyContext): PartyPlace | undefined {
  if (wordOf(row['table_id']) === null) return undefined
  const claim = claimOf(kind, row, oldId, context)
  return pairUp([], [claim]).parties.get(keyOf(claim))
}

/** A reservation whose guest is not there belongs to nobody known. */
async function dropMissingGuests(work: Work, mapped: readonly Mapped[]): Promise<void> {
  const wanted = mapped.map(({ row }) => row['guest_id']).filter((id) => id !== null) as string[]
  if (wanted.length === 0) return
  const there = await findGuests(work.tx, work.restaurantId, wanted)
  for (const { row, problems } of mapped) {
    if (row['guest_id'] === null || there.has(row['guest_id'] as string)) continue
    row['guest_id'] = null
    problems.push({ wrong: 'guest_id names no guest of the restaurant', done: 'belongs to no guest' })
  }
}

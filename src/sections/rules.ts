import { notFound, refuseUnseen, sentOf, type EntityEffect, type Refusal } from '../changes/rules.ts'
import type { Instant } from '../platform/clock.ts'
import { unknownTable } from '../tables/rules.ts'
import type { ServerState as InRotation } from './rotation/rules.ts'

/**
 * Who looks after which tables: what the commands of servers, sections and plans change. Pure. The server, the client and
 * the web share this file.
 *
 * A table carries the server who gets the next party there, so seating looks at the table alone. All that follows from a
 * change of sections is derived in one place, `settled`.
 */

/** The part of a server that rules look at. */
export interface ServerState extends InRotation {
  readonly version: number
}

/** What a new server starts with: in no section, not in the rotation. */
export const NEW_SERVER = { joinedAt: null, cutAt: null, skippedAt: null, skipReason: null }

/** What a new section starts with: open, with nobody. */
export const NEW_SECTION = { serverId: null, isOpen: true }

/** The part of a section that rules look at. */
export interface SectionState {
  readonly id: string
  readonly name: string
  readonly serverId: string | null
  readonly isOpen: boolean
  readonly version: number
}

/** The part of a table that sections decide. `section` is the name of the section, which the iPad shows. */
export interface TableState {
  readonly id: string
  readonly section: string | null
  readonly sectionId: string | null
  readonly serverId: string | null
}

/** A saved section plan. */
export interface PlanState {
  readonly id: string
  readonly version: number
  readonly sections: readonly {
    readonly sectionId: string
    readonly serverId: string | null
    readonly tableIds: readonly string[]
  }[]
}

/** All servers and sections of a restaurant, and the tables that a command is about. */
export interface Stations {
  readonly servers: readonly ServerState[]
  readonly sections: readonly SectionState[]
  readonly tables: readonly TableState[]
}

export type StationEffect = EntityEffect<'server' | 'section' | 'table'>
export type StationDecision = Refusal | readonly StationEffect[]

/** A section changes: its facts, whether it is open, its server, its tables. Spec: Y12, Y13. */
export function decideUpdateSection(
  stations: Stations,
  input: {
    readonly sectionId: string
    readonly version?: number | undefined
    readonly name?: string | undefined
    readonly colour?: string | null | undefined
    readonly isOpen?: boolean | undefined
    readonly serverId?: string | null | undefined
    readonly tableIds?: readonly string[] | undefined
  },
  now: Instant,
): StationDecision {
  const { sectionId, version, tableIds, ...facts } = input
  const refusal =
    refuseUnseen('section', sectionId, byId(stations.sections, sectionId), version) ??
    refuseUnknown(stations, facts.serverId ? [facts.serverId] : [], tableIds ?? [])
  if (refusal) return refusal
  const set = sentOf(facts)
  const sections = stations.sections.map((section) => (section.id === sectionId ? { ...section, ...set } : section))
  const tables = stations.tables.map((table) => {
    if (tableIds === undefined) return table
    if (tableIds.includes(table.id)) return { ...table, sectionId }
    return table.sectionId === sectionId ? { ...table, sectionId: null } : table
  })
  return settled(stations, { ...stations, sections, tables }, now)
}

/** A section goes for good. Its tables are in none. Spec: Y12. */
export function decideRemoveSection(
  stations: Stations,
  { sectionId, version }: { readonly sectionId: string; readonly version?: number | undefined },
  now: Instant,
): StationDecision {
  const refusal = refuseUnseen('section', sectionId, byId(stations.sections, sectionId), version)
  if (refusal) return refusal
  const sections = stations.sections.filter(({ id }) => id !== sectionId)
  const tables = stations.tables.map((table) => (table.sectionId === sectionId ? { ...table, sectionId: null } : table))
  return [...settled(stations, { ...stations, sections, tables }, now), { kind: 'section', id: sectionId, set: null }]
}

/** A server is cut, so nobody new comes, or is back. Spec: Y17. */
export function decideCutServer(
  stations: Stations,
  {
    serverId,
    version,
    isCut,
  }: { readonly serverId: string; readonly version?: number | undefined; readonly isCut: boolean },
  now: Instant,
): StationDecision {
  const refusal = refuseUnseen('server', serverId, byId(stations.servers, serverId), version)
  if (refusal) return refusal
  const servers = stations.servers.map((server) =>
    server.id === serverId ? { ...server, cutAt: isCut ? (server.cutAt ?? now) : null } : server,
  )
  return settled(stations, { ...stations, servers }, now)
}

/** A server is passed over until somebody else has got a party. Spec: Y18. */
export function decideSkipServer(
  server: ServerState | undefined,
  {
    serverId,
    version,
    reason,
  }: { readonly serverId: string; readonly version?: number | undefined; readonly reason: string },
  now: Instant,
): StationDecision {
  return (
    refuseUnseen('server', serverId, server, version) ?? [
      { kind: 'server', id: serverId, set: { skippedAt: now, skipReason: reason } },
    ]
  )
}

/** Refuses to remove a server who has a section. Spec: Y11. */
export function refuseRemoveServer(server: ServerState, sections: readonly SectionState[]): Refusal | null {
  const section = sections.find(({ serverId }) => serverId === server.id)
  if (!section) return null
  const message = `${server.name} has the section ${section.name}; give it to somebody else first`
  return { code: 'server-has-section', status: 409, message, details: { section } }
}

/**
 * A saved plan takes effect: its sections are open with its servers and tables, the others are closed and empty. Sections,
 * servers and tables that are gone are left out. Its servers start anew; parties that sit keep theirs. Spec: Y15.
 */
export function decideSwitchSections(
  stations: Stations,
  plan: PlanState | undefined,
  planId: string,
  now: Instant,
): StationDecision {
  if (!plan) return notFound('plan', planId)
  const there = plan.sections.filter(({ sectionId }) => byId(stations.sections, sectionId))
  const planned = new Map(there.map((each) => [each.sectionId, each]))
  const sectionOf = new Map(there.flatMap(({ sectionId, tableIds }) => tableIds.map((id) => [id, sectionId] as const)))
  const serverOf = (sectionId: string) => byId(stations.servers, planned.get(sectionId)?.serverId ?? '')?.id ?? null
  const sections = stations.sections.map((section) => ({
    ...section,
    isOpen: planned.has(section.id),
    serverId: serverOf(section.id),
  }))
  const starting = new Set(sections.map(({ serverId }) => serverId))
  const servers = stations.servers.map((server) => (starting.has(server.id) ? { ...server, cutAt: null } : server))
  const tables = stations.tables.map((table) => ({ ...table, sectionId: sectionOf.get(table.id) ?? null }))
  return settled(stations, { servers, sections, tables }, now)
}

/** Refuses a plan that names a section twice, a table twice, or what is not there. Spec: Y15. */
export function refusePlan(stations: Stations, { sections }: Pick<PlanState, 'sections'>): Refusal | null {
  const ids = sections.map(({ sectionId }) => sectionId)
  const unknown = ids.find((id) => !byId(stations.sections, id))
  if (unknown !== undefined) return unknownSection(unknown)
  const tableIds = sections.flatMap((each) => each.tableIds)
  const servers = sections.flatMap(({ serverId }) => (serverId === null ? [] : [serverId]))
  const refusal = refuseUnknown(stations, servers, tableIds)
  if (refusal) return refusal
  const twice = repeated(ids) ?? repeated(tableIds)
  if (twice === null) return null
  const message = 'A plan has each section once, and each table in one section'
  return { code: 'planned-twice', status: 422, message, details: { id: twice } }
}

/**
 * What follows when servers, sections or the tables in them become what is wanted: tables carry the name of their section
 * and the server who gets the next party there; servers join the rotation with their first open section, and leave it
 * without one. Only what differs is an effect.
 */
function settled(before: Stations, wanted: Stations, now: Instant): readonly StationEffect[] {
  const gets = (server: ServerState | undefined) => (server && server.cutAt === null ? server.id : null)
  const sections = new Map(wanted.sections.map((section) => [section.id, section]))
  const tables = wanted.tables.map((table) => {
    const section = sections.get(table.sectionId ?? '')
    const server = section?.isOpen ? byId(wanted.servers, section.serverId ?? '') : undefined
    const wasIn = byId(before.tables, table.id)!.sectionId
    // A table that is and was in no section keeps the text that somebody wrote there.
    const text = section ? section.name : wasIn === null ? table.section : null
    return { ...table, section: text, sectionId: section?.id ?? null, serverId: gets(server) }
  })
  const serving = new Set(wanted.sections.filter(({ isOpen }) => isOpen).map(({ serverId }) => serverId))
  const servers = wanted.servers.map((server) => {
    const isIn = serving.has(server.id) && server.cutAt === null
    return { ...server, joinedAt: isIn ? (server.joinedAt ?? now) : null }
  })
  return [
    ...changes('table', before.tables, tables),
    ...changes('server', before.servers, servers),
    ...changes('section', before.sections, wanted.sections),
  ]
}

/** What differs, entity by entity and field by field. */
function changes<K extends StationEffect['kind'], T extends { readonly id: string }>(
  kind: K,
  before: readonly T[],
  after: readonly T[],
): EntityEffect<K>[] {
  const had = new Map(before.map((each) => [each.id, each]))
  return after.flatMap((each) => {
    const old = had.get(each.id)!
    const differing = (Object.keys(each) as (keyof T)[]).filter((key) => each[key] !== old[key])
    if (differing.length === 0) return []
    return [{ kind, id: each.id, set: Object.fromEntries(differing.map((key) => [key, each[key]])) }]
  })
}

function refuseUnknown(
  { servers, tables }: Stations,
  serverIds: readonly string[],
  tableIds: readonly string[],
): Refusal | null {
  const server = serverIds.find((id) => !byId(servers, id))
  if (server !== undefined) return unknownServer(server)
  const there = new Set(tables.map(({ id }) => id))
  const table = tableIds.find((id) => !there.has(id))
  return table === undefined ? null : unknownTable(table)
}

const unknownSection = (id: string): Refusal => ({
  code: 'unknown-section',
  status: 422,
  message: 'There is no such section',
  details: { sectionId: id },
})

/** There is no member of staff with this id. */
export const unknownStaff = (id: string): Refusal => ({
  code: 'unknown-staff',
  status: 422,
  message: 'There is no such member of staff',
  details: { staffId: id },
})

/** There is no server with this id. */
export const unknownServer = (id: string): Refusal => ({
  code: 'unknown-server',
  status: 422,
  message: 'There is no such server',
  details: { serverId: id },
})

const byId = <T extends { readonly id: string }>(all: readonly T[], id: string): T | undefined =>
  all.find((each) => each.id === id)

function repeated(ids: readonly string[]): string | null {
  const seen = new Set<string>()
  for (const id of ids) {
    if (seen.has(id)) return id
    seen.add(id)
  }
  return null
}

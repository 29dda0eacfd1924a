import { expect, test } from 'vitest'
import type { Instant } from '../platform/clock.ts'
import {
  decideCutServer,
  decideRemoveSection,
  decideSkipServer,
  decideSwitchSections,
  decideUpdateSection,
  refusePlan,
  refuseRemoveServer,
  type StationDecision,
  type Stations,
} from './rules.ts'

const NOW = '2026-11-23T18:00:00.000000Z' as Instant
const EARLIER = '2026-11-23T17:00:00.000000Z' as Instant
const server = (id: string, joinedAt: Instant | null = null, cutAt: Instant | null = null) => ({
  id,
  name: id,
  joinedAt,
  cutAt,
  skippedAt: null,
  version: 1,
})
const section = (id: string, serverId: string | null, isOpen = true) => ({
  id,
  name: `S ${id}`,
  serverId,
  isOpen,
  version: 2,
})
const table = (id: string, sectionId: string | null = null, serverId: string | null = null) => ({
  id,
  sectionId,
  serverId,
  section: sectionId === null ? null : `S ${sectionId}`,
})
/** Ana has a and its tables, Ben none; section b is open, without a server. */
const stations: Stations = {
  servers: [server('ana', EARLIER), server('ben')],
  sections: [section('a', 'ana'), section('b', null)],
  tables: [table('1', 'a', 'ana'), table('2', 'a', 'ana'), table('3', 'b'), table('4')],
}
/** What a decision sets, by kind and id. */
const sets = (decision: StationDecision) =>
  'code' in decision ? decision.code : Object.fromEntries(decision.map(({ kind, id, set }) => [`${kind} ${id}`, set]))
const update = (input: object, of = stations) => sets(decideUpdateSection(of, { sectionId: 'a', ...input }, NOW))

test('Y13: what follows from a section goes with it: its tables have its name and its server', () => {
  expect(update({})).toEqual({})
  expect(update({ name: 'Bar', colour: '#b3541e' })).toEqual({
    'table 1': { section: 'Bar' },
    'table 2': { section: 'Bar' },
    'section a': { name: 'Bar', colour: '#b3541e' },
  })
  expect(update({ serverId: 'ben' })).toEqual({
    'table 1': { serverId: 'ben' },
    'table 2': { serverId: 'ben' },
    'server ana': { joinedAt: null },
    'server ben': { joinedAt: NOW },
    'section a': { serverId: 'ben' },
  })
  expect(update({ isOpen: false })).toEqual({
    'table 1': { serverId: null },
    'table 2': { serverId: null },
    'server ana': { joinedAt: null },
    'section a': { isOpen: false },
  })
  expect(update({ tableIds: ['2', '3', '4'] })).toEqual({
    'table 1': { section: null, sectionId: null, serverId: null },
    'table 3': { section: 'S a', sectionId: 'a', serverId: 'ana' },
    'table 4': { section: 'S a', sectionId: 'a', serverId: 'ana' },
  })
  // A second section does not make a server join again.
  expect(update({ sectionId: 'b', serverId: 'ana' })).toEqual({
    'table 3': { serverId: 'ana' },
    'section b': { serverId: 'ana' },
  })
})

test('Y12, Y13: what is not there or not as it was seen is refused', () => {
  expect(update({ sectionId: 'c' })).toBe('section-not-found')
  expect(update({ version: 1 })).toBe('version-conflict')
  expect(update({ serverId: 'cleo' })).toBe('unknown-server')
  expect(update({ tableIds: ['1', '9'] })).toBe('unknown-table')
  expect(refuseRemoveServer(stations.servers[0]!, stations.sections)).toMatchObject({ code: 'server-has-section' })
  expect(refuseRemoveServer(stations.servers[1]!, stations.sections)).toBeNull()
})

test('Y12: a section that is removed leaves its tables in none, and text that somebody wrote stays', () => {
  const written = { ...stations, tables: [...stations.tables, { ...table('5'), section: 'Window' }] }
  expect(sets(decideRemoveSection(written, { sectionId: 'a' }, NOW))).toEqual({
    'table 1': { section: null, sectionId: null, serverId: null },
    'table 2': { section: null, sectionId: null, serverId: null },
    'server ana': { joinedAt: null },
    'section a': null,
  })
  expect(sets(decideRemoveSection(written, { sectionId: 'c' }, NOW))).toBe('section-not-found')
})

test('Y17, Y19: the tables of a server who is cut give parties to nobody; whoever comes back joins anew', () => {
  const cut = sets(decideCutServer(stations, { serverId: 'ana', isCut: true }, NOW))
  expect(cut).toEqual({
    'table 1': { serverId: null },
    'table 2': { serverId: null },
    'server ana': { cutAt: NOW, joinedAt: null },
  })
  const back = { ...stations, servers: [server('ana', null, EARLIER)], tables: [table('1', 'a')] }
  expect(sets(decideCutServer(back, { serverId: 'ana', isCut: true }, NOW))).toEqual({})
  expect(sets(decideCutServer(back, { serverId: 'ana', isCut: false }, NOW))).toEqual({
    'table 1': { serverId: 'ana' },
    'server ana': { cutAt: null, joinedAt: NOW },
  })
  expect(sets(decideCutServer(stations, { serverId: 'cleo', isCut: true }, NOW))).toBe('server-not-found')
})

test('Y18: a skip says when and why', () => {
  const decide = (of = stations.servers[0]) =>
    sets(decideSkipServer(of, { serverId: 'ana', reason: 'double sat' }, NOW))
  expect(decide()).toEqual({ 'server ana': { skippedAt: NOW, skipReason: 'double sat' } })
  expect(sets(decideSkipServer(undefined, { serverId: 'cleo', reason: 'x' }, NOW))).toBe('server-not-found')
})

const plan = (...sections: { sectionId: string; serverId: string | null; tableIds: string[] }[]) => ({
  id: 'p',
  version: 1,
  sections,
})

test('Y15: a plan takes effect as a whole: what it does not name is closed and empty, what is gone is left out', () => {
  const dinner = plan(
    { sectionId: 'b', serverId: 'ben', tableIds: ['1', '4', 'gone'] },
    { sectionId: 'gone', serverId: 'ana', tableIds: ['2'] },
  )
  expect(sets(decideSwitchSections(stations, dinner, 'p', NOW))).toEqual({
    'table 1': { section: 'S b', sectionId: 'b', serverId: 'ben' },
    'table 2': { section: null, sectionId: null, serverId: null },
    'table 3': { section: null, sectionId: null },
    'table 4': { section: 'S b', sectionId: 'b', serverId: 'ben' },
    'server ana': { joinedAt: null },
    'server ben': { joinedAt: NOW },
    'section a': { isOpen: false, serverId: null },
    'section b': { serverId: 'ben' },
  })
  // A server of the plan starts anew, cut or not; one who is gone is nobody.
  const cut = { ...stations, servers: [server('ana', null, EARLIER)], tables: [table('1', 'a')] }
  const lunch = plan(
    { sectionId: 'a', serverId: 'ana', tableIds: ['1'] },
    { sectionId: 'b', serverId: 'ben', tableIds: [] },
  )
  expect(sets(decideSwitchSections(cut, lunch, 'p', NOW))).toEqual({
    'table 1': { serverId: 'ana' },
    'server ana': { cutAt: null, joinedAt: NOW },
  })
  expect(sets(decideSwitchSections(stations, undefined, 'p', NOW))).toBe('plan-not-found')
})

test('Y14: a plan has each section once and each table in one section, all of them there', () => {
  const one = (more: object = {}) => ({ sectionId: 'a', serverId: null, tableIds: ['1'], ...more })
  const code = (...sections: ReturnType<typeof one>[]) => refusePlan(stations, plan(...sections))?.code ?? null
  expect(code(one(), one({ sectionId: 'b', tableIds: ['2'] }))).toBeNull()
  expect(code(one({ sectionId: 'c' }))).toBe('unknown-section')
  expect(code(one({ serverId: 'cleo' }))).toBe('unknown-server')
  expect(code(one({ tableIds: ['9'] }))).toBe('unknown-table')
  expect(code(one(), one({ tableIds: [] }))).toBe('planned-twice')
  expect(code(one(), one({ sectionId: 'b' }))).toBe('planned-twice')
})

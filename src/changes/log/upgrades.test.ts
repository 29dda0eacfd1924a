import { expect, test } from 'vitest'
import type { z } from 'zod'
import { nouns } from '../../floor/nouns.ts'
import first from '../../../docs/baseline/first-fields.json' with { type: 'json' }
import { upgraded } from './rules.ts'
import { LOG_VERSION, upgradeEntries, upgrades } from './upgrades.ts'
import type { Entry } from './log.ts'

/** The fields that each kind had in the release it came with: `npm run api-documents -- --release` adds new kinds. */
const firstFields: Readonly<Record<string, readonly string[]>> = first
const shapes = new Map<string, Readonly<Record<string, z.ZodType>>>(
  nouns.map(({ kind, schema }) => [kind, schema.shape]),
)

test('L22: the upgrades lead from the fields that entities had at first to those that entities have now', () => {
  for (const [kind, shape] of shapes) {
    // A kind that no release has yet may still change.
    if (!firstFields[kind]) continue
    const began = Object.fromEntries(firstFields[kind].map((name) => [name, null]))
    const due = upgrades.filter((upgrade) => upgrade.kind === kind)
    const now = due.reduce((value, upgrade) => upgraded(value, upgrade), began)
    expect(
      Object.keys(now).toSorted(),
      `fields of a ${kind} changed: add a line to src/changes/log/upgrades.ts that says what becomes of stored ones`,
    ).toEqual(Object.keys(shape).toSorted())
  }
})

test('L22: a kind that is newer than the log says so, so that devices are told of its entities', () => {
  const since = ['table', 'reservation', 'guest']
  const told = upgrades.filter(({ isNew }) => isNew).map(({ kind }) => kind)
  expect(
    [...since, ...told].toSorted(),
    'a new kind: add { kind, isNew: true } to src/changes/log/upgrades.ts',
  ).toEqual([...shapes.keys()].toSorted())
})

test('L22: what an upgrade adds is a value that the field takes', () => {
  for (const { kind, add = {} } of upgrades)
    for (const [name, value] of Object.entries(add)) {
      const field = shapes.get(kind)?.[name]
      // One that a later release removed again has no schema any more.
      if (field) expect(field.safeParse(value).success, `${kind}.${name}`).toBe(true)
    }
})

test('L22: an upgrade renames, then removes, then adds; done twice it is as done once', () => {
  const upgrade = { kind: 'guest', rename: { notes: 'hostNotes' }, remove: ['email'], add: { tags: [], email2: null } }
  const old = { id: 'a', notes: 'quiet', email: 'a@b.example' }
  const now = { id: 'a', hostNotes: 'quiet', tags: [], email2: null }
  expect(upgraded(old, upgrade)).toEqual(now)
  expect(upgraded(now, upgrade)).toEqual(now)
  expect(old).toEqual({ id: 'a', notes: 'quiet', email: 'a@b.example' })
  // Where both names are there, the new one counts.
  expect(upgraded({ id: 'a', notes: 'old', hostNotes: 'new', tags: [1], email2: 'x' }, upgrade)).toEqual({
    id: 'a',
    hostNotes: 'new',
    tags: [1],
    email2: 'x',
  })
  expect(upgraded({ id: 'a' }, { kind: 'guest' })).toEqual({ id: 'a' })
})

test('L22: entries of this version are not touched', () => {
  const entries: Entry[] = [{ op: 'drop', kind: 'guest', id: 'a', event: 'deleted', version: 2 }]
  expect(upgradeEntries(entries, LOG_VERSION)).toBe(entries)
})

import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openDatabase, type TestDatabase } from '../../test/kit.ts'
import { openParts, type House, type Parts } from '../../test/parts.ts'
import { AppError } from '../platform/errors.ts'
import { newId } from '../platform/ids.ts'
import { execute } from '../changes/command/execute.ts'
import { addTable } from '../tables/add-table.ts'
import { conflictShape, explainConflict } from './explain-conflict.ts'
import { upTo } from '../../test/patience.ts'

/** What a refusal says of the entity that it names, and who made that so. */

vi.setConfig({ testTimeout: upTo(5_000) })

let database: TestDatabase
let parts: Parts
let house: House
let table: { id: string; version: number; updatedAt: string }
beforeAll(async () => {
  database = await openDatabase(5)
  parts = openParts(database.db)
  house = await parts.house()
  const context = { ...house.context, mutationId: 'key', device: 'iPad 1' }
  table = (await execute(parts, addTable, context, { number: '1', capacity: 4, x: 0, y: 0 })).result
})
afterAll(async () => {
  parts.close()
  await database.close()
})

const explained = (refusal: AppError) =>
  parts.db.transaction({ restaurantId: house.id }, (tx) => explainConflict(tx, house.id, refusal))
const conflict = (details: Record<string, unknown>, status = 409) =>
  new AppError('version-conflict', status, 'moved on', details)

test('N7: a conflict that names an entity says what it is now and who made it so', async () => {
  const given = conflict({ table, index: 2 })
  const { code, status, message, details } = await explained(given)
  expect([code, status, message]).toEqual(['version-conflict', 409, 'moved on'])
  const changed = {
    by: { staffId: house.staffId, name: null },
    at: table.updatedAt,
    command: 'add-table',
    device: 'iPad 1',
    mutationId: 'key',
    seq: 1,
  }
  const current = { kind: 'table', id: table.id, version: 1, value: table }
  expect(details).toEqual({ table, index: 2, current, changed })
  expect(conflictShape.current.safeParse(current).success).toBe(true)
  expect(conflictShape.changed.safeParse(changed).success).toBe(true)
  expect(conflictShape.changed.safeParse({ ...changed, by: null, device: null, mutationId: null }).success).toBe(true)
  expect(conflictShape.changed.safeParse({ ...changed, by: { ...changed.by, name: null } }).success).toBe(true)
  for (const shape of [conflictShape.changed, conflictShape.current])
    expect([shape.safeParse(undefined).success, shape.safeParse({}).success]).toEqual([true, false])
  expect(conflictShape.changed.safeParse({ ...changed, by: {} }).success).toBe(false)
  expect(conflictShape.changed.safeParse(null).success).toBe(true)
  // Where a guest and a table are named, it is about the guest.
  const guest = { id: newId(), version: 3, updatedAt: table.updatedAt }
  const reservation = { ...guest, id: newId() }
  for (const [all, kind, value] of [
    [{ table, guest, reservation }, 'guest', guest],
    [{ table, reservation }, 'reservation', reservation],
  ] as const)
    expect((await explained(conflict(all))).details).toEqual({
      ...all,
      current: { kind, id: value.id, version: 3, value },
      changed: null,
    })
})

test('N7: of what the log has from nobody it says so', async () => {
  await database.sql('update qtable.changes set actor_id = null where restaurant_id = $1', [house.id])
  const { details } = await explained(conflict({ table }))
  expect(details['changed']).toMatchObject({ by: null, command: 'add-table', seq: 1 })
})

test('N7: any other refusal stays as it is', async () => {
  for (const refusal of [
    conflict({ table }, 404),
    conflict({ table }, 422),
    conflict({}),
    conflict({ lamp: table }),
    conflict({ table, current: 'said already' }),
  ])
    expect(await explained(refusal)).toBe(refusal)
})

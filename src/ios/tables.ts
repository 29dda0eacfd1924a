import { z } from 'zod'
import { isId } from '../platform/ids.ts'
import { limits } from '../platform/limits.ts'
import { execute } from '../changes/command/execute.ts'
import { completed } from '../changes/input.ts'
import { addTable } from '../tables/add-table.ts'
import { listTables } from '../tables/list-tables.ts'
import { removeTable } from '../tables/remove-table.ts'
import { TABLE_SHAPES } from '../tables/rules.ts'
import { arrangeTables, plannedTable } from '../floor/arrange-tables.ts'
import { clearTable } from '../floor/clear-table.ts'
import { updateTable, type TableChange } from '../floor/update-table.ts'
import { notFound } from './errors.ts'
import { idOrNothing, pathId } from './ids.ts'
import { field } from './pydantic/pydantic.ts'
import { route } from './route.ts'
import { tableForm, written } from './kept-answers/floor-shapes.ts'
import { id, tableJson, tableShape, zuluTime } from './shapes.ts'
import { listOn } from './kept-answers/kept-lines.ts'
import { TABLE_INPUT, tableStatusOf } from '../old-backend/statuses.ts'
import { zulu } from './times.ts'
import { onPlan } from '../old-backend/plan.ts'
import { INSISTING } from './insisting.ts'

const LIST = '/restaurants/:restaurantId/tables'
const ONE = '/restaurants/:restaurantId/tables/:tableId'

const { maybe } = field
const position = field.model({ x: field.float(), y: field.float() })
const status = field.oneOf(TABLE_INPUT, { also: ['needs_cleaning'] })
const change = {
  table_number: maybe(field.str({ max: 20 })),
  capacity: maybe(field.int()),
  status: maybe(status),
  position: maybe(position),
  shape: maybe(field.oneOf(TABLE_SHAPES)),
  section: maybe(field.str({ max: 100 })),
  current_guest_id: maybe(field.str({ max: 100 })),
  currentGuestId: maybe(field.str({ max: 100 })),
}
type Change = { [K in keyof typeof change]?: z.output<(typeof change)[K]> }

export const tablesList = route({
  method: 'GET',
  path: LIST,
  name: 'tablesList',
  summary: 'All tables, sorted by number as text',
  tag: 'tables',
  access: 'restaurant',
  answer: z.array(tableShape),
  shape: (deps) => ({
    key: 'tables',
    fromFloor: ({ floor }, now) => ({ body: listOn(floor, 'tables', tableForm, { horizon: now, now }) }),
    fromDatabase: (restaurantId, minSeq) =>
      written(deps, listTables, restaurantId, {}, minSeq, (tables) => tables.map(tableJson)),
  }),
})

export const tablesCreate = route({
  method: 'POST',
  path: LIST,
  name: 'tablesCreate',
  summary: 'Add a table. Coordinates above 1 are pixels of an 800 by 600 plan',
  tag: 'tables',
  access: 'restaurant',
  body: field.model({
    table_number: field.str({ max: 20 }),
    capacity: field.int(),
    position,
    shape: field.withDefault(field.oneOf(TABLE_SHAPES), 'round'),
    section: maybe(field.str({ max: 100 })),
  }),
  answer: tableShape,
  refusals: [400],
  async handle({ deps, context, body }) {
    const { table_number: number, capacity, shape, section } = body
    const place = { ...onPlan(body.position) }
    const { result } = await execute(deps, addTable, context, {
      number,
      capacity,
      shape,
      section: section ?? null,
      ...place,
    })
    return tableJson(result)
  },
})

export const tablesUpdate = route({
  method: 'PUT',
  path: ONE,
  name: 'tablesUpdate',
  summary: 'Change a table. Null or missing fields stay; available frees it, a guest id seats that guest',
  tag: 'tables',
  access: 'restaurant',
  body: field.model(change),
  answer: tableShape,
  refusals: [400, 404],
  async handle({ deps, context, params, body }) {
    const { result } = await execute(deps, updateTable, context, {
      tableId: pathId(params, 'tableId'),
      ...changeOf(body),
    })
    return tableJson(result)
  },
})

export const tablesClear = route({
  method: 'PUT',
  path: `${ONE}/clear`,
  name: 'tablesClear',
  summary: 'Free a table and finish the visit of its guest',
  tag: 'tables',
  access: 'restaurant',
  answer: z.object({
    success: z.literal(true),
    message: z.string(),
    table: z.object({ id, status: z.literal('available'), currentGuestId: z.null(), lastUpdated: zuluTime }),
    guest: z
      .object({
        id,
        status: z.literal('Finished'),
        assignedTableId: z.null(),
        finishedTime: zuluTime,
        lastUpdated: zuluTime,
      })
      .optional(),
  }),
  refusals: [404],
  async handle({ deps, context, params }) {
    const { table, guest } = (await execute(deps, clearTable, context, { tableId: pathId(params, 'tableId') })).result
    const lastUpdated = zulu(table.updatedAt)
    return {
      success: true,
      message: 'Table cleared successfully',
      table: { id: table.id, status: 'available', currentGuestId: null, lastUpdated },
      ...(guest && {
        guest: {
          id: guest.id,
          status: 'Finished',
          assignedTableId: null,
          finishedTime: zulu(guest.finishedTime ?? guest.updatedAt),
          lastUpdated: zulu(guest.updatedAt),
        },
      }),
    }
  },
})

export const tablesDelete = route({
  method: 'DELETE',
  path: ONE,
  name: 'tablesDelete',
  summary: 'Delete a table without a party. Deleting it twice is no error',
  tag: 'tables',
  access: 'restaurant',
  answer: z.object({ message: z.string() }),
  refusals: [400, 404],
  async handle({ deps, context, params }) {
    await execute(deps, removeTable, context, { tableId: pathId(params, 'tableId') })
    return { message: 'Table deleted successfully' }
  },
})

export const tablesBulk = route({
  method: 'POST',
  path: `${LIST}/bulk`,
  name: 'tablesBulk',
  summary: 'Change and add many tables, by id or by number. The answer has the changed tables',
  tag: 'tables',
  access: 'restaurant',
  body: field.list(field.model({ id: maybe(field.str({ max: 100 })), ...change }), { max: limits.listItems }),
  answer: z.array(tableShape),
  refusals: [400, 404],
  async handle({ deps, context, body }) {
    const tables = body.map(({ id, ...rest }) => {
      if (id && !isId(id)) throw notFound()
      return completed(plannedTable, { id: id || undefined, ...changeOf(rest) })
    })
    const { result } = await execute(deps, arrangeTables, context, { tables })
    return result.map(tableJson)
  },
})

function changeOf(body: Change): TableChange {
  const guest = body.current_guest_id ?? body.currentGuestId
  const status = body.status == null ? undefined : tableStatusOf(body.status)
  return {
    number: body.table_number ?? undefined,
    capacity: body.capacity ?? undefined,
    ...(body.position && onPlan(body.position)),
    shape: body.shape ?? undefined,
    section: body.section ?? undefined,
    status,
    partyId: guest === '' ? null : guest == null ? undefined : idOrNothing(guest),
    ...INSISTING,
  }
}

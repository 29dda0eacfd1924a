import { z } from 'zod'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import { AppError, assert } from '../../platform/errors.ts'
import type { Context } from '../../changes/command/command.ts'
import { execute } from '../../changes/command/execute.ts'
import { runBatch, type Operation } from '../../floor/run-batch.ts'
import { runEach } from '../../floor/run-each.ts'
import { setGuestStatus } from '../../guests/set-guest-status.ts'
import type { Guest } from '../../guests/guests.ts'
import type { Table } from '../../tables/tables.ts'
import { atomicOperation } from './atomic-operations.ts'
import {
  batchGuestOperation,
  batchGuestItem,
  batchTableItem,
  batchTableOperation,
  withSentTimes,
} from './batch-operations.ts'
import { linesOf, refusalLine } from './error-lines.ts'
import { pathId } from '../ids.ts'
import { check, field } from '../pydantic/pydantic.ts'
import { factsOf } from '../guest-facts.ts'
import { route } from '../route.ts'
import { guestJson, guestShape, guestStatus, id, naiveTime, offsetTime, tableJson, tableShape } from '../shapes.ts'
import { guestWords, partyStatusOf, POST_GUEST_WORDS } from '../../old-backend/statuses.ts'
import { naive, offset } from '../times.ts'

const { maybe } = field
const items = <S extends z.ZodType>(item: S) => maybe(field.list(item, { max: limits.listItems }))
// A time just sent is returned in the zone in which it was sent.
const echoedTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?(Z|[+-]\d\d:\d\d)?$/)
  .meta({ description: 'UTC without a zone; a time just sent keeps its zone' })
const batchGuestShape = guestShape.extend({
  checkInTime: echoedTime.nullable(),
  seatedTime: echoedTime.nullable(),
  finishedTime: echoedTime.nullable(),
})

export const batchUpdate = route({
  method: 'POST',
  path: '/restaurants/:restaurantId/batch-update',
  name: 'batchUpdate',
  summary: 'Many updates of guests and tables: those that succeed. errors has a line for each other one',
  tag: 'batch',
  access: 'restaurant',
  body: field.model({ guests: items(batchGuestItem), tables: items(batchTableItem) }),
  answer: z.object({
    success: z.boolean(),
    updated_guests: z.array(batchGuestShape),
    updated_tables: z.array(tableShape),
    timestamp: naiveTime,
    errors: z.array(z.string()).nullable(),
  }),
  async handle({ deps, context, body, sent }) {
    const raw = (sent as { guests?: unknown[] | null }).guests ?? []
    const guests = (body.guests ?? []).map((item) => ({ item, plan: batchGuestOperation(item) }))
    const tables = (body.tables ?? []).map((item) => ({ item, plan: batchTableOperation(item) }))
    const plans = [...guests, ...tables].map(({ plan }) => plan)
    const operations = plans.filter((plan) => typeof plan !== 'string')
    const done = (await execute(deps, runEach, context, { operations })).result.results
    const results = plans.map((plan) => (typeof plan === 'string' ? plan : done.shift()!))
    const errors = results.flatMap((result, i) =>
      linesOf(result, i < guests.length ? 'Guest' : 'Table', [...guests, ...tables][i]!.item.id),
    )
    const good = <T>(from: number, to: number) =>
      results.slice(from, to).map((result) => (typeof result !== 'string' && result.ok ? (result.result as T) : null))
    return {
      success: errors.length === 0,
      updated_guests: good<Guest>(0, guests.length).flatMap((guest, i) =>
        guest ? [batchGuestJson(withSentTimes(guestJson(guest), guest, raw[i]))] : [],
      ),
      updated_tables: good<Table>(guests.length, results.length).flatMap((table) => (table ? [tableJson(table)] : [])),
      timestamp: naive(deps.clock.now()),
      errors: errors.length === 0 ? null : errors,
    }
  },
})

/** A guest with the key order of a batch. */
function batchGuestJson(g: z.output<typeof batchGuestShape>): z.output<typeof batchGuestShape> {
  const { id, name, firstName, lastName, email, phone, totalVisits, createdAt, lastUpdated } = g
  const { partySize, status, tableId, reservationTime, checkInTime, seatedTime, finishedTime } = g
  const who = { id, name, firstName, lastName, email, phone, partySize, status, tableId }
  const times = { reservationTime, checkInTime, seatedTime, finishedTime }
  return { ...who, ...times, ...factsOf(g), totalVisits, createdAt, lastUpdated }
}

const atomicItem = field.model({
  id: field.str({ max: 100 }),
  operation: field.oneOf(['create', 'update', 'delete']),
  data: maybe(field.dict()),
})

export const atomicBatch = route({
  method: 'POST',
  path: '/api/v1/atomic/batch',
  name: 'atomicBatch',
  summary: 'Many operations, all or none. The transaction id makes a repeat harmless',
  tag: 'batch',
  access: 'own',
  body: field.model({
    transaction_id: field.str({ max: 150 }),
    timestamp: field.str({ max: 100 }),
    guests: items(atomicItem),
    tables: items(atomicItem),
    metadata: maybe(field.dict()),
  }),
  answer: z.object({
    success: z.boolean(),
    transaction_id: z.string(),
    processed_at: offsetTime,
    results: z.array(
      z.object({
        entity_type: z.enum(['guest', 'table']),
        entity_id: z.string(),
        status: z.enum(['created', 'updated', 'deleted']),
        data: z.union([guestShape, tableShape]).nullable(),
        error: z.null(),
      }),
    ),
    error: z.string().nullable(),
    rolled_back: z.boolean().nullable(),
  }),
  async handle({ deps, context, body }) {
    const wanted = [
      ...(body.tables ?? []).map((item) => ({ ...item, type: 'table' as const })),
      ...(body.guests ?? []).map((item) => ({ ...item, type: 'guest' as const })),
    ]
    const answer = { transaction_id: body.transaction_id, processed_at: offset(deps.clock.now()) }
    const failed = (error: string) => ({ success: false, ...answer, results: [], error, rolled_back: true })
    const operations: Operation[] = []
    for (const item of wanted) {
      const operation = atomicOperation(item)
      if (typeof operation === 'string') return failed(operation)
      operations.push(operation)
    }
    try {
      const { result } = await execute(deps, runBatch, named(context, body.transaction_id), { operations })
      return {
        success: true,
        ...answer,
        results: result.results.map((each, i) => resultOf(wanted[i]!, each)),
        error: null,
        rolled_back: null,
      }
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error
      // An `Idempotency-Key` of another request is refused, as everywhere. A transaction id alone is answered as the
      // old server did.
      if (error.code === 'mutation-id-reused' && context.mutationId !== undefined) throw error
      const index = error.details['index']
      const item = typeof index === 'number' ? wanted[index] : undefined
      return failed(item ? refusalLine(error, item.type === 'guest' ? 'Guest' : 'Table', item.id) : error.message)
    }
  },
})

/**
 * The names under which a repeat finds a batch. If both are sent, both count: a repeat under either gets the same
 * answer, and the key of another batch is refused. The change carries the key, as with every other call.
 */
function named(context: Context, transactionId: string): Context {
  if (transactionId === '') return context
  const name = `atomic ${transactionId}`
  return context.mutationId === undefined ? { ...context, mutationId: name } : { ...context, alias: name }
}

const DONE = { create: 'created', update: 'updated', delete: 'deleted' } as const

function resultOf(item: { type: 'guest' | 'table'; id: string; operation: keyof typeof DONE }, result: unknown) {
  const gone = item.operation === 'delete'
  const data = gone ? null : item.type === 'guest' ? guestJson(result as Guest) : tableJson(result as Table)
  return { entity_type: item.type, entity_id: data?.id ?? item.id, status: DONE[item.operation], data, error: null }
}

const knownStatus = check(
  field.str({ max: 20 }),
  (word) => partyStatusOf(word) !== undefined,
  `status must be one of: ${POST_GUEST_WORDS.join(', ')}`,
  { enum: Object.values(guestWords) },
)

export const guestStatusAtomic = route({
  method: 'PUT',
  path: '/restaurants/:restaurantId/guests/:guestId/status/atomic',
  name: 'guestStatusAtomic',
  summary: "Set a guest's status and free the table that it leaves",
  tag: 'batch',
  access: 'restaurant',
  query: field.model({ new_status: knownStatus }),
  answer: z.object({
    success: z.literal(true),
    transaction_id: z.string(),
    guest_id: id,
    old_status: guestStatus,
    new_status: guestStatus,
    table_cleared: z.boolean(),
    changes_count: z.int(),
    processed_at: offsetTime,
  }),
  refusals: [404],
  async handle({ deps, context, params, query }) {
    const guestId = pathId(params, 'guestId')
    const status = partyStatusOf(query.new_status)
    assert(status, 'the field takes no other word')
    const { guest, oldStatus, freedTableId } = (
      await execute(deps, setGuestStatus, context, { guestId, status, force: true })
    ).result
    return {
      success: true,
      transaction_id: context.mutationId ?? newId(),
      guest_id: guest.id,
      old_status: guestWords[oldStatus],
      new_status: guestWords[guest.status],
      table_cleared: freedTableId !== null,
      changes_count: freedTableId === null ? 1 : 2,
      processed_at: offset(deps.clock.now()),
    }
  },
})

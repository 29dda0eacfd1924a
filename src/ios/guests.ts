import { z } from 'zod'
import { limits } from '../platform/limits.ts'
import type { Instant } from '../platform/clock.ts'
import type { Shape } from '../changes/answers/answers.ts'
import { horizonAt } from '../changes/floor/live-floor.ts'
import { execute } from '../changes/command/execute.ts'
import { ask } from '../changes/query.ts'
import { addGuest } from '../guests/add-guest.ts'
import { deleteGuest } from '../guests/delete-guest.ts'
import { getGuest } from '../guests/get-guest.ts'
import { listGuests } from '../guests/list-guests.ts'
import { updateGuest } from '../guests/update-guest.ts'
import { detail } from './errors.ts'
import { addedFacts, editedFacts, sentFacts } from './guest-facts.ts'
import { idOrNothing, pathId } from './ids.ts'
import { check, field } from './pydantic/pydantic.ts'
import { route, type ShapeDeps } from './route.ts'
import { floorReaches, guestForm, written } from './kept-answers/floor-shapes.ts'
import { guestJson, guestShape } from './shapes.ts'
import { listOn } from './kept-answers/kept-lines.ts'
import { GUEST_SPELLINGS, partyStatusOf, POST_GUEST_WORDS } from '../old-backend/statuses.ts'
import { INSISTING } from './insisting.ts'

const LIST = '/restaurants/:restaurantId/guests'
const ONE = '/restaurants/:restaurantId/guests/:guestId'

const { maybe } = field
const text = (max: number) => maybe(field.str({ max }))
const time = maybe(field.datetime())
export const partySize = check(field.int(), (n) => n >= 1, 'party_size must be a positive integer', { minimum: 1 })
const statusMessage = `status must be one of: ${POST_GUEST_WORDS.join(', ')}`
const postStatus = check(
  field.str({ max: 20 }),
  (word) => word === '' || (POST_GUEST_WORDS as readonly string[]).includes(word),
  statusMessage,
  { enum: ['', ...POST_GUEST_WORDS] },
)
export const anyStatus = check(field.str({ max: 20 }), (word) => partyStatusOf(word) !== undefined, statusMessage, {
  enum: GUEST_SPELLINGS,
})

/** The fields of a guest that are the same in every shape: contact, wishes, place and times. */
export const contact = {
  phone: text(20),
  email: maybe(field.email()),
  ...sentFacts,
  table_id: text(100),
  reservation_time: time,
  check_in_time: time,
  seated_time: time,
  finished_time: time,
}

export const guestsList = route({
  method: 'GET',
  path: LIST,
  name: 'guestsList',
  summary: 'Guests, newest first. Old visits are included only with history=all',
  tag: 'guests',
  access: 'restaurant',
  query: field.model({
    history: field.optional(field.str({ max: 20 })),
    before: field.optional(field.datetime()),
    limit: field.optional(field.int({ min: 0 })),
  }),
  answer: z.array(guestShape),
  shape: (deps, { history, before, limit = limits.guestsPerList }) =>
    guestsShape(deps, { historyDays: history === 'all' ? 0 : deps.historyDays, before, limit }),
})

export const guestsGet = route({
  method: 'GET',
  path: ONE,
  name: 'guestsGet',
  summary: 'One guest',
  tag: 'guests',
  access: 'restaurant',
  answer: guestShape,
  refusals: [404],
  async handle({ deps, context, params }) {
    return guestJson(await ask(deps, getGuest, context, { guestId: pathId(params, 'guestId') }))
  },
})

export const guestsCreate = route({
  method: 'POST',
  path: LIST,
  name: 'guestsCreate',
  summary: 'Add a party. With status Waitlist, the default, it is a walk-in',
  tag: 'guests',
  access: 'restaurant',
  body: field.model({
    first_name: field.str({ max: 100 }),
    last_name: text(100),
    party_size: partySize,
    status: field.optional(field.nullable(postStatus)),
    ...contact,
  }),
  answer: guestShape,
  refusals: [400],
  async handle({ deps, context, body }) {
    const walkIn = (body.status ?? 'Waitlist') === 'Waitlist' && body.status !== null
    if (walkIn) refuseOddWalkIn(body)
    const { result } = await execute(deps, addGuest, context, {
      firstName: body.first_name,
      lastName: body.last_name ?? '',
      partySize: body.party_size,
      status: body.status ? partyStatusOf(body.status) : 'waitlist',
      email: body.email ?? null,
      phone: body.phone ?? null,
      ...addedFacts(body),
      reservationTime: body.reservation_time ?? null,
      checkInTime: body.check_in_time ?? undefined,
      seatedTime: body.seated_time ?? undefined,
      finishedTime: body.finished_time ?? undefined,
      tableId: body.table_id ? idOrNothing(body.table_id) : null,
      checkedIn: walkIn,
      ...INSISTING,
    })
    return guestJson(result)
  },
})

export const guestsUpdate = route({
  method: 'PUT',
  path: ONE,
  name: 'guestsUpdate',
  summary: 'Change a guest. Null or missing fields stay; table_id seats, moves or takes over, "" takes off the table',
  tag: 'guests',
  access: 'restaurant',
  body: field.model({
    first_name: text(100),
    last_name: text(100),
    party_size: maybe(partySize),
    status: maybe(anyStatus),
    ...contact,
  }),
  answer: guestShape,
  refusals: [404],
  async handle({ deps, context, params, body }) {
    const { result } = await execute(deps, updateGuest, context, {
      guestId: pathId(params, 'guestId'),
      firstName: body.first_name ?? undefined,
      lastName: body.last_name ?? undefined,
      partySize: body.party_size ?? undefined,
      email: body.email ?? undefined,
      phone: body.phone ?? undefined,
      ...editedFacts(body),
      reservationTime: body.reservation_time ?? undefined,
      checkInTime: body.check_in_time ?? undefined,
      seatedTime: body.seated_time ?? undefined,
      finishedTime: body.finished_time ?? undefined,
      status: body.status ? partyStatusOf(body.status) : undefined,
      tableId: body.table_id === '' ? null : body.table_id ? idOrNothing(body.table_id) : undefined,
      ...INSISTING,
    })
    return guestJson(result)
  },
})

export const guestsDelete = route({
  method: 'DELETE',
  path: ONE,
  name: 'guestsDelete',
  summary: 'Delete a guest and free its table',
  tag: 'guests',
  access: 'restaurant',
  answer: z.object({ success: z.literal(true), message: z.string() }),
  refusals: [404],
  async handle({ deps, context, params }) {
    await execute(deps, deleteGuest, context, { guestId: pathId(params, 'guestId') })
    return { success: true, message: 'Guest deleted successfully' }
  },
})

interface Listed {
  readonly historyDays: number
  readonly before: Instant | undefined
  readonly limit: number
}

/**
 * The list of guests. The floor in memory answers it when the whole list is requested and the floor reaches back far
 * enough.
 */
function guestsShape(deps: ShapeDeps, { historyDays, before, limit }: Listed): Shape {
  const isWhole = before === undefined && limit >= limits.guestsPerList && historyDays === deps.historyDays
  const input = { historyDays, before, limit: Math.min(limit, limits.guestsPerList) }
  const key = isWhole ? 'guests' : `guests ${historyDays} ${before ?? ''} ${input.limit}`
  return {
    key,
    fromFloor:
      isWhole && floorReaches(deps)
        ? ({ floor }, now) => ({ body: listOn(floor, key, guestForm, { horizon: horizonAt(now, historyDays), now }) })
        : null,
    fromDatabase: (restaurantId, minSeq) =>
      written(deps, listGuests, restaurantId, input, minSeq, (guests) => guests.map(guestJson)),
  }
}

interface WalkIn {
  readonly first_name: string
  readonly reservation_time?: unknown
  readonly table_id?: unknown
  readonly seated_time?: unknown
  readonly finished_time?: unknown
}

function refuseOddWalkIn(body: WalkIn): void {
  if (body.first_name.trim() === '') throw detail(400, 'first_name is required for walk-in guests')
  const odd = (['reservation_time', 'table_id', 'seated_time', 'finished_time'] as const).filter(
    (key) => body[key] !== undefined && body[key] !== null,
  )
  if (odd.length > 0) throw detail(400, `Walk-in guests cannot have these fields set: ${odd.join(', ')}`)
}

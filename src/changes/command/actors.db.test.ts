import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { newOwner, openDatabase, type TestDatabase } from '../../../test/database.ts'
import { addGuest } from '../../guests/add-guest.ts'
import { systemClock } from '../../platform/clock.ts'
import type { Db } from '../../platform/database/db.ts'
import { newId } from '../../platform/ids.ts'
import { changeText } from '../floor/live-floor.ts'
import { changesAfter, type Change } from '../log/log.ts'
import { changesSince } from '../log/since.ts'
import type { ChangeDeps, Command, Context, StaffActor, Write } from './command.ts'
import { execute } from './execute.ts'

/** Who may run a command, and whom the log names for it: staff, a guest, the server. */

let database: TestDatabase
let db: Db
let deps: ChangeDeps
let context: Context & { readonly actor: StaffActor }
const published: Change[] = []
beforeAll(async () => {
  database = await openDatabase(2)
  db = database.db
  deps = { db, clock: systemClock(), newId, publish: (change) => void published.push(change) }
  context = await newOwner(db)
})
afterAll(() => database.close())

/** A command for guests too. */
const forGuests = (run: (w: Write, input: { guestId?: string | undefined }) => Promise<unknown>): Command =>
  ({
    name: 'test-does',
    summary: '',
    method: 'POST',
    path: '/test',
    role: 'guest',
    inBatch: false,
    budget: [0, 0],
    input: z.strictObject({ guestId: z.string().optional() }),
    answer: z.unknown(),
    run,
  }) as unknown as Command

test('J1: a guest runs only what is for guests, and only for their own party', async () => {
  const [own, other] = [newId(), newId()]
  const guest = { role: 'guest', staffId: null, guestId: own } as const
  const ran: unknown[] = []
  const c = forGuests(async (_, { guestId }) => void ran.push(guestId))
  for (const role of ['host', 'manager', 'owner'] as const)
    await expect(execute(deps, { ...c, role }, { ...context, actor: guest }, { guestId: own })).rejects.toMatchObject({
      code: 'not-allowed',
      status: 403,
    })
  for (const guestId of [other, undefined])
    await expect(execute(deps, c, { ...context, actor: guest }, { guestId })).rejects.toMatchObject({
      code: 'not-allowed',
      status: 403,
    })
  expect(ran).toEqual([])
  await execute(deps, c, { ...context, actor: guest }, { guestId: own })
  // Staff and the server run it for anybody.
  await execute(deps, c, context, { guestId: other })
  await execute(
    deps,
    { ...c, role: 'owner' },
    { ...context, actor: { role: 'server', staffId: null } },
    { guestId: other },
  )
  expect(ran).toEqual([own, other, other])
})

test('L24: the log says who acted: staff, a guest, or the server by itself', async () => {
  const { restaurantId, actor } = context
  const guestId = newId()
  const c = forGuests((w) => addGuest.run(w, addGuest.input.parse({ firstName: 'Ada', partySize: 2 })))
  await execute(deps, c, context, {})
  await execute(deps, c, { restaurantId, actor: { role: 'guest', staffId: null, guestId } }, { guestId })
  await execute(deps, c, { restaurantId, actor: { role: 'server', staffId: null } }, {})
  const log = await changesAfter(db, restaurantId, 0)
  expect(log).toEqual(published)
  expect(log.map(({ actorId, actorKind }) => [actorId, actorKind])).toEqual([
    [actor.staffId, undefined],
    [guestId, 'guest'],
    [null, 'server'],
  ])
  const { epoch } = log[0]!
  const page = await db.transaction({ restaurantId }, (tx) =>
    changesSince(tx, restaurantId, { epoch, since: 0, limit: 10 }),
  )
  expect(page.kind === 'changes' && page.changes.map(({ frame }) => frame)).toEqual(log.map(changeText))
})

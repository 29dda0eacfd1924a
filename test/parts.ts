import { afterAll, beforeAll, beforeEach } from 'vitest'
import type { ChangeDeps, Context } from '../src/changes/command/command.ts'
import { execute } from '../src/changes/command/execute.ts'
import { startLog, type Change } from '../src/changes/log/log.ts'
import { Hub } from '../src/changes/hub/hub.ts'
import { LiveFloors } from '../src/changes/floor/live-floors.ts'
import type { Db } from '../src/platform/database/db.ts'
import { systemClock } from '../src/platform/clock.ts'
import { newEpoch, newId } from '../src/platform/ids.ts'
import { createLog } from '../src/platform/observability/log.ts'
import { hashPassword } from '../src/platform/passwords.ts'
import type { Origin } from '../src/platform/http/origin.ts'
import { keysOf } from '../src/secret.ts'
import { storeRestaurant } from '../src/restaurants/restaurants.ts'
import { storeStaff } from '../src/staff/members.ts'
import { startSignIn, type SignedIn, type SignInDeps } from '../src/staff/sign-ins/start-sign-in.ts'
import { addTable } from '../src/tables/add-table.ts'
import { tablesOnFloor } from '../src/tables/tables.ts'
import { openDatabase, TEST_PASSWORD, TEST_SECRET, type TestDatabase } from './kit.ts'

/** Parts of the application over a database, put together without the rest of it: tests of one part begin in a fraction of the time. */

const NEVER_MILLIS = 2_000_000_000

/** Where somebody signs in from who has not been there before, and whose device remembers nothing. */
export const NOWHERE: Origin = { address: '192.0.2.1', device: null, remember: () => undefined }

/** A restaurant with its owner. `token` is the owner's, as the iPad's sign-in gives it. */
export interface House {
  readonly id: string
  readonly staffId: string
  readonly email: string
  readonly token: string
  readonly context: Context
}

/** Hub, floors and commands. The hub hears what is written through them, and else only when it is asked to look. */
export interface Parts extends ChangeDeps, SignInDeps {
  readonly hub: Hub
  readonly floors: LiveFloors
  readonly log: ReturnType<typeof createLog>
  house(): Promise<House>
  /** A sign-in of the owner to the native API. */
  signIn(house: House): Promise<SignedIn>
  /** Puts a table on the floor of a house; the number of the change. */
  addTable(house: House): Promise<number>
  close(): void
}

// Made once: it takes longer than all the rest of a house.
let passwordHash: Promise<string> | undefined

export function openParts(db: Db): Parts {
  const [clock, log] = [systemClock(), createLog('silent')]
  const keys = keysOf(TEST_SECRET, clock, db)
  const hub = new Hub(db, log, NEVER_MILLIS)
  const floors = new LiveFloors({ db, hub, clock, log, kinds: [tablesOnFloor], historyDays: 7 })
  const times = { tokenMinutes: 30, refreshDays: 60 }
  const deps = { db, clock, newId, ...keys, ...times, publish: (change: Change) => hub.publish(change) }
  let numbers = 0
  return {
    ...deps,
    hub,
    floors,
    log,
    async house() {
      const [restaurantId, staffId, now] = [newId(), newId(), clock.now()]
      const email = `${staffId}@cedar.example`
      const owner = { restaurantId, id: staffId, email, firstName: null, lastName: null, role: 'owner' } as const
      passwordHash ??= hashPassword(TEST_PASSWORD)
      const stored = { ...owner, passwordHash: await passwordHash }
      await db.transaction({ restaurantId }, async (tx) => {
        await storeRestaurant(tx, restaurantId, 'Cedar', now)
        await startLog(tx, restaurantId, newEpoch(), now)
        await storeStaff(tx, stored, now)
      })
      const token = keys.tokens.sign({ sub: staffId, exp: Math.floor(Date.now() / 1000) + 600 })
      return { id: restaurantId, staffId, email, token, context: { restaurantId, actor: { staffId, role: 'owner' } } }
    },
    signIn: ({ email }) => startSignIn(deps, { email, password: TEST_PASSWORD, origin: NOWHERE }, null),
    async addTable({ context }) {
      const made = await execute(deps, addTable, context, { number: `${++numbers}`, capacity: 4, x: 0, y: 0 })
      return made.seq!
    },
    close() {
      floors.close()
      hub.close()
    },
  }
}

/** Parts for the tests of a file, over a database of their own, and a house for each test. */
export function useParts(
  take: (database: TestDatabase, parts: Parts) => void,
  takeHouse: (house: House) => void,
): void {
  let [database, parts]: [TestDatabase | null, Parts | null] = [null, null]
  beforeAll(async () => {
    database = await openDatabase(5)
    parts = openParts(database.db)
    take(database, parts)
  })
  afterAll(async () => {
    parts?.close()
    await database?.close()
  })
  beforeEach(async () => takeHouse(await parts!.house()))
}

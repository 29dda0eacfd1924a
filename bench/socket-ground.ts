import { Db } from '../src/platform/database/db.ts'
import { execute } from '../src/changes/command/execute.ts'
import type { Change } from '../src/changes/log/log.ts'
import { updateGuest } from '../src/guests/update-guest.ts'
import { addRestaurant, asSuperuser, openPostgres, partiesAndTables } from './floor.ts'
import { idIn } from './pairs.ts'
import { FIRST, PER_RESTAURANT, placeOf } from './places.ts'
import { Process } from './process.ts'
import { quiet } from './ours.ts'
import type { Hearing, Range } from './socket-server.ts'

/** A database with restaurants and devices that are signed in, and a change as they are. */
export interface Ground {
  /** Starts a server in a process of its own: the whole application, or the limit. Gives its port. */
  start(mode: 'app' | 'raw', hearing: Hearing, range: Range): Promise<{ server: Process; port: number }>
  /**
   * Puts the heads of these restaurants far ahead of what is in the log, so that changes can be told as if they had been
   * committed.
   */
  raiseHeads(range: Range): Promise<void>
  close(): Promise<void>
}

/** Starts a process in which the garbage of what was measured before can be cleared away. */
export const startProcess = (program: 'socket-server' | 'socket-clients', args: readonly string[] = []): Process =>
  Process.start(program, args, ['--expose-gc'])

async function furnish(url: string, db: Db, restaurants: number, devices: number): Promise<void> {
  for (let number = 0; number < restaurants; number++) {
    const { restaurantId, actor } = placeOf(number)
    await addRestaurant(db, restaurantId, actor.staffId)
  }
  await asSuperuser(
    url,
    ...partiesAndTables('i + 1', FIRST.guest, restaurants),
    `insert into sign_ins (restaurant_id, id, staff_id, created_at, used_at, expires_at, token_hash)
     select ${idIn('n + 1')}, ${idIn(`${FIRST.signIn} + n * ${PER_RESTAURANT} + d`)}, ${idIn(`${FIRST.staff} + n`)},
       now(), now(), now() + interval '1 day', decode(md5(n::text) || md5(d::text), 'hex')
     from generate_series(0, ${restaurants - 1}) n, generate_series(0, ${devices - 1}) d`,
  )
}

export async function openGround(restaurants: number, devices: number): Promise<Ground> {
  const { url, close } = await openPostgres(false)
  const db = new Db({ url, poolSize: 2 })
  try {
    await furnish(url, db, restaurants + 1, devices)
    const { guestId, ...context } = placeOf(restaurants)
    const changes: Change[] = []
    const deps = { ...quiet(db), publish: (change: Change) => void changes.push(change) }
    await execute(deps, updateGuest, context, { guestId, notes: 'by the window, 1' })
    return {
      async start(mode, hearing, range) {
        const given = mode === 'app' ? url : JSON.stringify(changes[0])
        const server = startProcess('socket-server', [mode, given, hearing])
        const port = await server.next<number>()
        await server.ask({ what: 'prepare', ...range })
        return { server, port }
      },
      raiseHeads({ from, restaurants: count }) {
        const ids = Array.from({ length: count }, (_, n) => `'${placeOf(from + n).restaurantId}'`)
        return asSuperuser(url, `update heads set seq = seq + 1000000000 where restaurant_id in (${ids.join(',')})`)
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  } finally {
    await db.close()
  }
}

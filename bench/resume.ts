import { Db } from '../src/platform/database/db.ts'
import { missChanges } from '../test/process/missed.ts'
import { openApp } from './app.ts'
import type { Back, Order, Place } from './devices.ts'
import { median } from './figures.ts'
import { openPostgres } from './floor.ts'
import { Process } from './process.ts'
import { furnish } from './served.ts'
import { atMost, by, row } from './report.ts'

/** A device that missed 10,000 changes: from its hello to the last change applied. About 20 seconds. */

const MISSED = by({ full: 10_000, quick: 10_000, short: 1_000 })
const ROUNDS = by({ full: 9, quick: 5, short: 1 })
const GUESTS = 50
const GOAL_MILLIS = 500

/** A server, and a restaurant that went on without a device which stands at `place`. */
async function prepare(url: string, db: Db) {
  const { app, port } = await openApp(db)
  const base = `http://127.0.0.1:${port}`
  const { restaurantId, token, staffId } = await furnish(base, { name: 'S', tables: 0, guests: GUESTS })
  const snapshot = async () => {
    const path = `${base}/v2/restaurants/${restaurantId}/snapshot`
    const answer = await fetch(path, { headers: { authorization: `Bearer ${token}` } })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text, body: JSON.parse(text) as unknown }
  }
  const { epoch, seq, at, horizon } = (await snapshot()).body as Place
  const head = await missChanges(url, { id: restaurantId, staffId, v2: snapshot }, MISSED)
  await app.close()
  return { restaurantId, token, place: { epoch, seq, at, horizon }, head }
}

const postgres = await openPostgres(false)
const db = new Db({ url: postgres.url, poolSize: 5 })
const devices = Process.start('devices')
try {
  const missed = await prepare(postgres.url, db)
  // A process that has never seen this restaurant, as after a restart.
  const { app, port } = await openApp(db)
  const order: Order = { what: 'resume', base: `http://127.0.0.1:${port}`, ...missed }
  const took: number[] = []
  // The first brings the floor into memory.
  for (let round = 0; round <= ROUNDS; round++) took.push((await devices.ask<Back>(order)).millis[0]!)
  const own = median(took.slice(1))
  row(`${MISSED} missed changes, 500 ms`, `${own.toFixed(0)} ms`, `${GOAL_MILLIS} ms`, own / GOAL_MILLIS, atMost(1))
  await app.close()
} finally {
  await devices.end()
  await db.close()
  await postgres.close()
}

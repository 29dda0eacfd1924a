import { setTimeout as sleep } from 'node:timers/promises'
import { Db } from '../src/platform/database/db.ts'
import { Door } from './ours.ts'
import type { Asked } from './requests.ts'

/** An HTTP door in a process of its own, started by monitoring.ts: `door-process.ts <url> <alone | of many>`. */

export interface Order {
  readonly what: Asked
  readonly count: number
  readonly connections: number
  /** Whether the server measures what it does meanwhile. */
  readonly isMeasured: boolean
}

/** What is done once when measuring begins or ends is over by then. */
const SETTLE_MILLIS = 5

const [, , url, processes] = process.argv
const db = new Db({ url: url!, poolSize: 20 })
const door = await Door.open(db, processes === 'alone')

/** Gives requests a second. */
async function run({ what, count, connections, isMeasured }: Order): Promise<number> {
  door.app.ops.measure(isMeasured)
  await sleep(SETTLE_MILLIS)
  return (await door.run(what, 'many', count, connections)).perSecond
}

async function close(): Promise<void> {
  await door.close()
  await db.close()
}

const answer = async (order: Order): Promise<void> => void process.send!(await run(order))
process.on('message', (order: Order) => void answer(order))
process.on('disconnect', () => void close())

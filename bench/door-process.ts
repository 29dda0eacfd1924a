import { Db } from '../src/platform/db.ts'
import { Door } from './ours.ts'
import type { Asked } from './requests.ts'

/** An HTTP door in a process of its own, started by monitoring.ts: `door-process.ts <url of the database> <with | without>`. */

export interface Order {
  readonly what: Asked
  readonly count: number
  readonly connections: number
}

/** What a request came to. */
export interface Cost {
  readonly perSecond: number
  /** Processor time of this process for one request, in microseconds. */
  readonly micros: number
}

const [, , url, measuring] = process.argv
const db = new Db({ url: url!, poolSize: 20 })
const door = await Door.open(db, measuring === 'with')

async function run({ what, count, connections }: Order): Promise<Cost> {
  const before = process.cpuUsage()
  const { perSecond } = await door.run(what, 'many', count, connections)
  const { user, system } = process.cpuUsage(before)
  return { perSecond, micros: (user + system) / count }
}

async function close(): Promise<void> {
  await door.close()
  await db.close()
}

const answer = async (order: Order): Promise<void> => void process.send!(await run(order))
process.on('message', (order: Order) => void answer(order))
process.on('disconnect', () => void close())

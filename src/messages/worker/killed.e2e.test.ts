import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type TestDatabase } from '../../../test/database.ts'
import { openReceiver, openSending, type Received, type Receiver } from '../../../test/messages.ts'
import { upTo } from '../../../test/patience.ts'
import { randomFrom } from '../../../test/random.ts'
import { systemClock } from '../../platform/clock.ts'

/** Real processes that send, each of which is killed with SIGKILL at another point. `MESSAGE_KILLS=100` is the long form. */

const KILLS = Number(process.env['MESSAGE_KILLS'] ?? 6)
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const HOUSES = 3
const script = fileURLToPath(new URL('../../../test/process/messenger-process.ts', import.meta.url))

let database: TestDatabase
let receiver: Receiver
beforeAll(async () => {
  database = await openDatabase(6)
  receiver = await openReceiver()
})
afterAll(async () => {
  await receiver.close()
  await database.close()
})

async function startWorker(): Promise<ChildProcess> {
  const child = fork(script, { execArgv: ['--import', 'tsx'], env: { ...process.env, DATABASE_URL: database.url } })
  await once(child, 'message')
  return child
}

const idOf = ({ headers }: Received) => headers['webhook-id'] as string
const attemptOf = ({ headers }: Received) => Number(headers['qtable-attempt'])

test(
  `X1, X2: processes that send are killed ${KILLS} times: each message arrives, in order, and repeats are marked`,
  { timeout: upTo(60_000 + KILLS * 5_000) },
  async () => {
    console.log(`seed ${SEED}`)
    const random = randomFrom(SEED)
    const clock = systemClock()
    const houses = await Promise.all(
      Array.from({ length: HOUSES }, () => openSending(database.db, clock, receiver.url)),
    )
    const written = new Map<string, string[]>()
    for (const house of houses) {
      const ids: string[] = []
      for (let n = 0; n < 5 * KILLS; n++) ids.push(await house.tell())
      written.set(house.context.restaurantId, ids)
    }
    // Two are ready while one works: a start takes longer than all the rest.
    const ready = [startWorker(), startWorker()]
    for (let kills = 0; kills < KILLS; kills++) {
      const worker = await ready.shift()!
      ready.push(startWorker())
      const gone = once(worker, 'exit')
      const before = receiver.received.length
      const after = 1 + Math.floor(random() * 8)
      const kill = () => void worker.kill('SIGKILL')
      // Before it has the answer, as soon as it may have it, or some moment later: while it notes it or begins the next.
      const manner = kills % 3
      receiver.answer = () => {
        if (receiver.received.length < before + after) return 200
        if (manner === 0) {
          kill()
          return 'never'
        }
        if (manner === 1) setImmediate(kill)
        else setTimeout(kill, random() * 8)
        return 200
      }
      worker.send('go')
      await gone
    }
    receiver.answer = () => 200
    const last = await ready.shift()!
    last.send('go')
    const all = [...written.values()].flat()
    await expect
      .poll(async () => (await database.sql(`select 1 from qtable.messages where status <> 'sent'`)).length, {
        timeout: upTo(20_000),
      })
      .toBe(0)
    for (const each of [last, ...(await Promise.all(ready))]) each.kill('SIGKILL')
    expect(new Set(receiver.received.map(idOf))).toEqual(new Set(all))
    for (const [restaurant, ids] of written) {
      const got = receiver.received.filter(({ body }) => JSON.parse(body).data.restaurantId === restaurant)
      // Each for the first time in its order; a repeat comes before the next one, and says so.
      const firsts = got.filter((each, n) => got.findIndex((other) => idOf(other) === idOf(each)) === n).map(idOf)
      expect(firsts).toEqual(ids)
      for (const [n, each] of got.entries()) {
        const before = got.slice(0, n).filter((other) => idOf(other) === idOf(each))
        if (before.length > 0) expect(idOf(got[n - 1]!)).toBe(idOf(each))
        expect(attemptOf(each)).toBeGreaterThan(Math.max(0, ...before.map(attemptOf)))
      }
    }
    const repeats = receiver.received.length - all.length
    console.log(`${all.length} messages, ${receiver.received.length} arrivals, ${repeats} marked repeats`)
    // Whoever is killed before the answer leaves a repeat.
    expect(repeats).toBeGreaterThanOrEqual(Math.floor(KILLS / 3))
  },
)

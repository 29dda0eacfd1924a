import { afterAll, beforeAll, expect, test } from 'vitest'
import { doSomething, openTestDevice, shownFloor, until } from '../test/devices.ts'
import { startApp, type TestApp } from '../test/kit.ts'
import { canonicalJson } from '../src/changes/floor/canonical.ts'
import { upTo } from '../test/patience.ts'
import { randomFrom } from '../test/random.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** Without what only the server can know: its times, and the ids it gives. */
function comparable(floor: Map<string, object>): unknown[] {
  return [...floor.values()]
    .map((value) => {
      const {
        checkInTime,
        seatedTime,
        finishedTime,
        endedAt,
        createdAt: _,
        updatedAt: __,
        ...rest
      } = value as Record<string, unknown>
      const times = [checkInTime, seatedTime, finishedTime, endedAt].map((time) => typeof time)
      const isReservation = 'guestName' in rest
      return canonicalJson({ ...rest, ...(isReservation && { id: '' }), times })
    })
    .sort()
}

test(
  'D10: what is shown before the server has said is what it then says, and refusals are foreseen',
  async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
    console.log(`seed ${seed}`)
    const random = randomFrom(seed)
    const r = await app.restaurant()
    for (let n = 1; n <= 6; n++) await r.table(`${n}`)
    const device = await openTestDevice(app, r)
    const { client } = device
    client.start()
    await until(client, () => client.status === 'live')
    const outcomes = { done: 0, refused: 0 }
    for (let n = 0; n < 250; n++) {
      const sent = doSomething(device, random)
      const [shown, unlikely] = [comparable(shownFloor(client)), client.floor.unlikely.get(sent.id)]
      const settled = await sent.settled
      outcomes[settled.outcome]++
      const context = `step ${n}`
      if (settled.outcome === 'refused') expect(unlikely, context).toBe(settled.conflict.code)
      else expect(unlikely, context).toBeUndefined()
      const seq = settled.outcome === 'done' ? settled.seq : null
      await until(client, () => seq === null || client.confirmed.seq >= seq)
      expect(client.pendingCount, context).toBe(0)
      expect(comparable(shownFloor(client)), context).toEqual(shown)
    }
    console.log(outcomes)
    expect(Math.min(outcomes.done, outcomes.refused)).toBeGreaterThan(10)
    await client.close()
  },
  upTo(60_000),
)

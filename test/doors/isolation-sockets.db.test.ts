import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import { openDevice } from '../kit.ts'
import { openEars } from './witness.ts'
import { MARK, newPlan, openRivals, type Rivals } from './rivals.ts'

/** Sockets of another restaurant. */

let rivals: Rivals
beforeAll(async () => {
  rivals = await openRivals()
})
afterAll(() => rivals.close())

describe('W1, W2, N3: sockets of another restaurant', () => {
  for (const path of ['/realtime', '/ws/restaurant/sync']) {
    test(`W1, N3: ${path} is refused with 403 before the upgrade`, async () => {
      for (const id of [rivals.theirs.id, newId(), 'nope', rivals.theirs.id.toUpperCase()]) {
        const query = `${path}?restaurant_id=${id}`
        await expect(openDevice(rivals.app.base, `${query}&token=${rivals.mine.token}`)).rejects.toThrow(
          'refused with 403',
        )
        const headers = { authorization: `Bearer ${rivals.mine.token}` }
        await expect(openDevice(rivals.app.base, query, { headers })).rejects.toThrow('refused with 403')
        rivals.count('sockets refused')
      }
      const own = await openDevice(
        rivals.app.base,
        `${path}?restaurant_id=${rivals.mine.id}&token=${rivals.mine.token}`,
      )
      await own.close()
    })

    test(`W1, N3: ${path} is closed with 4401 when the first message's token is another restaurant's, and hears nothing before`, async () => {
      for (const id of [rivals.theirs.id, newId()]) {
        const device = await openDevice(rivals.app.base, `${path}?restaurant_id=${id}`, { wait: false })
        await rivals.theirs.table(`heard ${newPlan()}`)
        device.ws.send(JSON.stringify({ type: 'authenticate', token: rivals.mine.token }))
        expect(await device.closed).toBe(4401)
        expect(device.messages).toEqual([])
        rivals.count('sockets closed')
      }
    })
  }

  const streamOf = (id: string, token?: string) =>
    openDevice(rivals.app.base, `/v2/restaurants/${id}/stream`, {
      wait: false,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    })

  test('F4, N3: the stream of another restaurant is refused with 404 before the upgrade, like one that is not there', async () => {
    for (const id of [rivals.theirs.id, newId()]) {
      await expect(streamOf(id, rivals.mine.token)).rejects.toThrow('refused with 404')
      rivals.count('sockets refused')
    }
    const own = await streamOf(rivals.mine.id, rivals.mine.token)
    await own.close()
  })

  test("F4, N3: a stream is closed with 4403 when its hello's token is another restaurant's, and hears nothing before", async () => {
    const { epoch, seq, at } = (await rivals.theirs.v2('GET', '/snapshot')).body
    for (const id of [rivals.theirs.id, newId()]) {
      for (const place of [{}, { epoch, since: 0 }, { epoch, since: seq, at }]) {
        const device = await streamOf(id)
        await rivals.theirs.table(`heard ${newPlan()}`)
        device.ws.send(JSON.stringify({ type: 'hello', token: rivals.mine.token, ...place }))
        expect(await device.closed).toBe(4403)
        expect(device.messages).toEqual([])
        rivals.count('sockets closed')
      }
    }
  })

  test('F4, N3: a stream that has entered with an own token hears nothing of another restaurant, not even from its place in the log', async () => {
    const { epoch, seq } = (await rivals.theirs.v2('GET', '/snapshot')).body
    const places = [{}, { epoch, since: 0 }, { epoch, since: seq }]
    for (const place of places) {
      const device = await streamOf(rivals.mine.id, rivals.mine.token)
      device.ws.send(JSON.stringify({ type: 'hello', ...place }))
      await device.until((heard) => heard.some(({ type }) => type === 'snapshot'))
      await rivals.theirs.walkIn(`${MARK} loud`)
      const own = await rivals.mine.table(`quiet ${newPlan()}`)
      await device.until((heard) => heard.some((each) => JSON.stringify(each).includes(own)))
      const text = device.messages.map((each) => JSON.stringify(each)).join('\n')
      expect(device.messages.map(({ type }) => type)).toEqual(['resync', 'snapshot', 'changes'])
      rivals.expectNothingOfTheirs({ headers: new Headers(), text }, [])
      // A token of another restaurant on a socket that is in: out, at once.
      device.ws.send(JSON.stringify({ type: 'hello', token: rivals.theirs.token, ...place }))
      expect(await device.closed).toBe(4403)
      expect(device.messages.filter(({ type }) => type === 'snapshot')).toHaveLength(1)
      rivals.count('sockets that heard their own')
    }
  })

  test('W2, N3: a socket hears its own restaurant and nothing of another', async () => {
    const mineEars = await openEars(rivals.app, rivals.mine)
    await rivals.theirs.table(`${MARK} loud`)
    await rivals.theirs.walkIn(`${MARK} loud`)
    await mineEars.heardNothing()
  })
})

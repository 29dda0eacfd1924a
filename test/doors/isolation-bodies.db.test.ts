import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import type { Answer } from '../kit.ts'
import { idFieldsOf, isDone, operations, tells, TELLS, titleOf } from './operations.ts'
import { plain, withValue } from './schemas.ts'
import { openEars } from './witness.ts'
import { bodyOf, NOWHERE, openRivals, plainAnswer, refuses, type Rivals } from './rivals.ts'

/** Ids of another restaurant in bodies: of what is there, and of what is made. */

let rivals: Rivals
beforeAll(async () => {
  rivals = await openRivals()
})
afterAll(() => rivals.close())

const secured = operations.filter(({ isPublic }) => !isPublic)

describe("N3, P7, W2: another restaurant's entity in the body, in whatever item of whatever list", () => {
  for (const op of secured) {
    for (const field of idFieldsOf(op).filter(({ kind }) => kind !== 'new')) {
      test(`N3, P7: ${field.place.join('.')} of ${titleOf(op)}`, async () => {
        await rivals.expectDoneWithOwn(op, field)
        const ids = await rivals.freshIds(rivals.mine)
        const seated = await rivals.freshIds(rivals.mine)
        await rivals.mine.v2('POST', `/guests/${seated.guest}/seat`, { tableId: seated.table })
        await rivals.unchanged(op, async () => {
          for (const own of [ids, { ...ids, guest: seated.guest }]) {
            const ask = (id: string) => rivals.send(op, rivals.mine.token, own, { body: bodyOf(op, own, field, id) })
            const nowhere = newId()
            const unknown = await ask(nowhere)
            expect(refuses(op, unknown), unknown.text).toBe(true)
            for (const id of Object.values(rivals.theirIds).flat()) {
              const foreign = await ask(id)
              expect(plainAnswer(foreign, id)).toEqual(plainAnswer(unknown, nowhere))
              rivals.expectNothingOfTheirs(foreign, [id])
              rivals.count(
                `foreign entities in ${TELLS.includes(op.name) || op.name === 'run-batch' ? 'lists' : 'bodies'}`,
              )
            }
          }
        })
      })
    }
  }

  // One bad item among good ones: whatever is told of it, or done of the rest, is the same for a foreign id as for an unknown one.
  for (const [name, list, good, bad] of [
    ['batchUpdate', 'guests', (id: string) => ({ id, partySize: 3 }), (id: string) => ({ id, status: 'Seated' })],
    ['syncBatch', 'updates', syncGuest, (id: string) => ({ ...syncGuest(id), entity_type: 'table' })],
    ['run-each', 'operations', updateGuest, (id: string) => ({ command: 'clear-table', input: { tableId: id } })],
  ] as const) {
    test(`N3, B2: one foreign item among good ones: ${name}`, async () => {
      const op = operations.find((each) => each.name === name)!
      const [first, second] = [await rivals.freshIds(rivals.mine), await rivals.freshIds(rivals.mine)]
      await rivals.theirEars.attend()
      const before = await rivals.witness.everythingOf(rivals.theirs.id)
      const ask = async (id: string) => {
        // So that what is good of the list changes something each time.
        for (const { guest } of [first, second]) await rivals.mine.v2('PATCH', `/guests/${guest}`, { partySize: 2 })
        const body = withValue(op.body!, plain(op.body!), [list], [good(first.guest), bad(id), good(second.guest)])
        return rivals.send(op, rivals.mine.token, first, { body })
      }
      const nowhere = newId()
      // What is done of the rest is done again each time.
      const still = (answer: Answer, id: string) =>
        plainAnswer({ ...answer, text: answer.text.replace(/"version":\d+/g, '"version":"<version>"') }, id)
      const unknown = still(await ask(nowhere), nowhere)
      for (const id of Object.values(rivals.theirIds).flat()) {
        const foreign = await ask(id)
        expect([foreign.status, tells(op, foreign)]).toEqual([200, true])
        expect(still(foreign, id)).toEqual(unknown)
        rivals.expectNothingOfTheirs(foreign, [id])
        rivals.count('foreign items among good ones')
      }
      expect(await rivals.witness.everythingOf(rivals.theirs.id)).toEqual(before)
      await rivals.theirEars.heardNothing()
    })
  }
})

const syncGuest = (id: string) => ({ entity_type: 'guest', entity_id: id, data: {} })
const updateGuest = (id: string) => ({ command: 'update-guest', input: { guestId: id, partySize: 3 } })

describe('N3, P6: an id that a client makes, which another restaurant has already', () => {
  for (const op of secured) {
    for (const field of idFieldsOf(op).filter(({ kind }) => kind === 'new')) {
      test(`N3, P6: ${field.place.join('.')} of ${titleOf(op)} is as good as a fresh one`, async () => {
        // A restaurant of its own: what it has afterwards has ids of rivals.theirs, by its own will.
        const twin = await rivals.app.restaurant('Twin')
        const ids = { ...NOWHERE, restaurant: twin.id }
        const twinEars = await openEars(rivals.app, twin)
        await rivals.theirEars.attend()
        const before = await rivals.witness.everythingOf(rivals.theirs.id)
        const ask = (id: string) => rivals.send(op, twin.token, ids, { body: bodyOf(op, ids, field, id) })
        const nowhere = newId()
        const fresh = await ask(nowhere)
        expect(isDone(op, fresh), fresh.text).toBe(true)
        expect(fresh.text).toContain(nowhere)
        for (const id of Object.values(rivals.theirIds).flat()) {
          await twinEars.attend()
          const same = await ask(id)
          expect(plainAnswer(same, id)).toEqual(plainAnswer(fresh, nowhere))
          rivals.expectNothingOfTheirs(same, [id])
          // Once it is one's own, it is taken: that is one's own matter.
          const again = await ask(id)
          expect(refuses(op, again), again.text).toBe(true)
          expect(again.text).toMatch(/in use/)
          rivals.expectNothingOfTheirs(again, [id])
          rivals.count('ids of theirs made again')
        }
        const mineNow = Object.values(await rivals.witness.idsOf(twin.id)).flat()
        expect(mineNow.filter((id) => id !== nowhere)).toEqual(
          expect.arrayContaining([...new Set(Object.values(rivals.theirIds).flat())]),
        )
        expect(await rivals.witness.everythingOf(rivals.theirs.id)).toEqual(before)
        await rivals.theirEars.heardNothing()
      })
    }
  }

  test('N3, P6: and which is then one of two, each changed and deleted by its own restaurant only', async () => {
    const twin = await rivals.app.restaurant('Twin')
    const rival = await rivals.app.restaurant('Rival')
    const [guest, table] = [newId(), newId()]
    const body = { id: guest, firstName: 'Ada', partySize: 2 }
    const plan = { id: table, number: '1', capacity: 4, x: 0, y: 0 }
    for (const each of [rival, twin]) {
      expect((await each.v2('POST', '/guests', body)).status).toBe(200)
      expect((await each.v2('POST', '/tables', plan)).status).toBe(200)
    }
    const rivalEars = await openEars(rivals.app, rival)
    const before = await rivals.witness.everythingOf(rival.id)
    for (const [method, path, sent] of [
      ['POST', `/guests/${guest}/seat`, { tableId: table }],
      ['PATCH', `/guests/${guest}`, { firstName: 'Bea' }],
      ['PATCH', `/tables/${table}`, { capacity: 9 }],
      ['POST', `/tables/${table}/clear`, {}],
      ['DELETE', `/tables/${table}`, undefined],
      ['DELETE', `/guests/${guest}`, undefined],
    ] as const)
      expect((await twin.v2(method, path, sent)).status, `${method} ${path}`).toBe(200)
    expect(await rivals.witness.everythingOf(rival.id)).toEqual(before)
    await rivalEars.heardNothing()
    expect((await rival.call('GET', `/guests/${guest}`)).body).toMatchObject({ firstName: 'Ada', status: 'Waitlist' })
    expect((await twin.call('GET', `/guests/${guest}`)).status).toBe(404)
    // A tombstone counts where it stands: used up here, alive there.
    expect((await twin.v2('POST', '/guests', body)).body).toMatchObject({ code: 'id-taken' })
  })
})

import { expect, test } from 'vitest'
import type { Instant } from '../../platform/clock.ts'
import { newId } from '../../platform/ids.ts'
import { limits } from '../../platform/limits.ts'
import type { Store } from '../../platform/redis.ts'
import { AnswerStore, formOf, type Stored } from './answer-store.ts'
import { clientHas, etagAt } from './etag.ts'
import type { Place } from '../query.ts'

/** Answers for other processes and the next start, in a store that anybody may have written to. */

const SECRET = 'a secret key for tests only, long enough'
const HOUR = '2026-11-24T20:00:00.000000Z' as Instant

class Kept implements Store {
  readonly bytes = new Map<string, Buffer>()
  seconds: number[] = []
  get = async (name: string) => this.bytes.get(name) ?? null
  set(name: string, bytes: Buffer, seconds: number): void {
    this.bytes.set(name, bytes)
    this.seconds.push(seconds)
  }
}
const place: Place = { epoch: newId(), seq: 7, hour: HOUR }
const answer: Stored = { body: Buffer.from('{"a":\n"é"}'), until: '2026-11-24T20:10:00.000000Z' as Instant, mark: 'm' }

test('K6: what was kept of an answer is found under its key, at its place and in its hour, and nowhere else', async () => {
  const kept = new Kept()
  const store = new AnswerStore(kept, SECRET, 'form')
  expect(await store.read('floor', place)).toBeNull()
  store.write('floor', place, answer)
  store.write('none', place, { body: Buffer.alloc(0), until: null, mark: '' })
  expect(kept.seconds).toEqual([limits.answerStoreSeconds, limits.answerStoreSeconds])
  expect([...kept.bytes.keys()][0]).toBe(`qtable:answer:form:floor:${place.epoch}.7.2026-11-24T20`)
  expect(await store.read('floor', place)).toEqual(answer)
  expect(await store.read('none', place)).toEqual({ body: Buffer.alloc(0), until: null, mark: '' })
  expect(await new AnswerStore(kept, SECRET, 'form').read('floor', { ...place, hour: answer.until! })).toEqual(answer)
  const others: [string, Place][] = [
    ['other', place],
    ['floor', { ...place, seq: 8 }],
    ['floor', { ...place, epoch: newId() }],
    ['floor', { ...place, hour: '2026-11-24T21:00:00.000000Z' as Instant }],
  ]
  for (const [key, at] of others) expect(await store.read(key, at)).toBeNull()
  expect(await new AnswerStore(kept, SECRET, 'another').read('floor', place)).toBeNull()
})

test('K6: what somebody else put there, put elsewhere or spoiled is nothing', async () => {
  const kept = new Kept()
  const store = new AnswerStore(kept, SECRET, 'form')
  store.write('floor', place, answer)
  const [[name, bytes]] = [...kept.bytes] as [[string, Buffer]]
  const read = (put: Buffer) => {
    kept.bytes.set(name, put)
    return store.read('floor', place)
  }
  new AnswerStore(kept, 'another secret key, also long enough', 'form').write('floor', place, answer)
  expect(await store.read('floor', place)).toBeNull()
  store.write('elsewhere', place, answer)
  expect(await read([...kept.bytes.values()][1]!)).toBeNull()
  for (const at of [0, 15, 16, bytes.length - 1]) {
    const spoiled = Buffer.from(bytes)
    spoiled[at]! ^= 1
    expect(await read(spoiled), `byte ${at}`).toBeNull()
  }
  for (const length of [0, 15, 16, 17, 18, bytes.length - 1]) expect(await read(bytes.subarray(0, length))).toBeNull()
  expect(await read(bytes)).toEqual(answer)
})

test('K6: another form of the answers has another name, the same one the same', () => {
  expect(formOf({ a: 1 })).toBe(formOf({ a: 1 }))
  expect(formOf({ a: 1 })).not.toBe(formOf({ a: 2 }))
  expect(formOf({ a: 1 })).toMatch(/^[\w-]{12}$/)
})

test('K3, N4: an ETag names the place, the hour and what else an answer depends on; a client has what any of its list names', () => {
  const etag = etagAt(place)
  expect(etag).toBe(`W/"${place.epoch}.7.2026-11-24T20"`)
  expect(etagAt(place, '12')).toBe(`W/"${place.epoch}.7.2026-11-24T20.12"`)
  for (const none of [null, undefined, '', '*', `${etag}x`, etag.slice(2, -1), '"other", W/"another"'])
    expect(clientHas(none, etag), `${none}`).toBe(false)
  for (const has of [etag, etag.slice(2), `"other", ${etag}`, `${etag.slice(2)} ,"other"`])
    expect(clientHas(has, etag), has).toBe(true)
  // A W/ within is part of the name.
  expect(clientHas('"W/x"', '"x"')).toBe(false)
})

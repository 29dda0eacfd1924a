import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { limits } from '../../src/platform/limits.ts'
import { goodAddress, goodBody, operations, titleOf, type Operation } from './operations.ts'
import { Raw } from './raw.ts'
import { present } from './schemas.ts'
import { DEEP, expectRefusal } from './refusals.ts'
import { openTrial, type Trial } from './trial.ts'

/** Bodies that are wrong as a whole: no JSON, another value or type, too much. */

let trial: Trial
beforeAll(async () => {
  trial = await openTrial()
})
afterAll(() => trial.close())

const withBody = operations.filter((op) => op.body)

const MALFORMED = ['{', '}', '{"a":}', '{"a":1,}', "{'a':1}", 'nope', '"', '[', '{"a" 1}', '{"a":01}', '{"a":NaN}']
const malformed = [...MALFORMED, '\ufeff\ufeff{}', '{"a":"\u0001"}', '{} {}', '{"a":"\\x"}']

describe('P12, C6, L6: whole bodies', () => {
  for (const op of withBody) {
    const isList = present(op.body!).type === 'array'

    test(`P12, C6: malformed JSON: ${titleOf(op)}`, async () => {
      const deep = '['.repeat(op.isPublic ? 10_000 : 200_000)
      const all = [...malformed, deep].map((text) => [`malformed ${text.slice(0, 20)}`, { text }] as const)
      await trial.allRefused(op, all, ({ status, body }) => {
        if (op.door === 'v2') return expect([status, body.code]).toEqual([400, 'malformed-json'])
        expect(status).toBe(422)
        expect(body.detail).toMatchObject([{ type: 'json_invalid', msg: 'JSON decode error', input: {} }])
      })
    })

    test(`P12: other values, other types, too much: ${titleOf(op)}`, async () => {
      const values: readonly unknown[] = [
        'text',
        5,
        true,
        new Raw('1e400'),
        new Raw('"\\ud800"'),
        isList ? {} : [],
        isList ? { 0: {} } : [goodBody(op, trial.ids)],
      ]
      const types = [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/xml',
        'application/jsonx',
        'text/json',
        'garbage',
        ';;;',
      ]
      const wide = new Raw(`[${Array(200_000).fill('0').join(',')}]`)
      await trial.allRefused(op, [
        ...values.map((body) => [`a body ${JSON.stringify(body)}`, { body }] as const),
        ...types.map(
          (type) =>
            [`type ${type}`, { text: Raw.write(goodBody(op, trial.ids)), headers: { 'content-type': type } }] as const,
        ),
        ['a hundred thousand brackets', { body: isList ? [DEEP] : DEEP }],
        [
          'brackets in a field that nobody knows',
          { text: isList ? `[{"x":${Raw.write(DEEP)}},5]` : `{"x":${Raw.write(DEEP)}}` },
        ],
        ['two hundred thousand zeros', { body: wide }],
        ['over a megabyte', { text: JSON.stringify('x'.repeat(limits.bodyBytes)) }],
      ])
    })

    test(`P12: nothing, or null: ${titleOf(op)}`, async () => {
      // A PATCH of nothing is a change of nothing; whatever has required fields, and everything of the iPad's, wants a body.
      const mayBeEmpty = op.door === 'v2' && !present(op.body!).required
      const all = [
        ['no body', {}],
        ['null', { text: 'null' }],
        ['empty', { text: '' }],
      ] as const
      if (!mayBeEmpty) return trial.allRefused(op, all)
      for (const [label, sent] of all) expect((await trial.send(op, sent)).status, label).toBe(200)
    })

    test(`P12: keys that objects have by themselves: ${titleOf(op)}`, async () => {
      const keys = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '']
      const evil = keys.map((key) => `${JSON.stringify(key)}:{"force":true,"status":"x","polluted":1}`).join(',')
      const text = isList ? `[{${evil}}]` : `{${evil}}`
      const answer = await trial.send(op, { text })
      expect(answer.status, answer.text).toBeLessThan(500)
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
      // They are no fields: what is required is still missing.
      if (present(op.body!).required) expect(answer.status).toBe(422)
    })
  }

  for (const op of withBody) {
    test(`P12: ten megabytes are refused and the server goes on: ${titleOf(op)}`, async () => {
      const before = await trial.witness.everything()
      for (const chunked of [false, true]) {
        const status = await sendMegabytes(op, 10, chunked)
        expect(status).toBe(413)
      }
      expect(await trial.witness.everything()).toBe(before)
    })
  }

  test('P12: minus zero is zero', async () => {
    const text = (x: string) => `{"table_number":"${x}","capacity":-0,"position":{"x":-0,"y":-0.0}}`
    const made = await trial.restaurant.call('POST', '/tables', text('minus'))
    expect(made.text).toContain('"capacity":0,')
    expect(made.text).toContain('"position":{"x":0,"y":0}')
    const party = await trial.restaurant.call('POST', '/guests', '{"first_name":"Zero","party_size":-0}')
    expect(party.status).toBe(422)
    const native = await trial.restaurant.v2('POST', '/tables', '{"number":"minus v2","capacity":-0,"x":-0,"y":-0.0}')
    expect(native.text).toContain('"capacity":0,"x":0,"y":0,')
  })
})

/**
 * Sends more than is taken, and reads what the server says of it. The server answers and closes in the middle of it, so the answer of one who just goes
 * on writing may be lost; whoever looks for an answer between the writes gets it.
 */
async function sendMegabytes(op: Operation, megabytes: number, chunked: boolean): Promise<number> {
  try {
    return await sendBlindly(op, megabytes, chunked, 0)
  } catch (error) {
    expect(['EPIPE', 'ECONNRESET']).toContain((error as NodeJS.ErrnoException).code)
    return sendBlindly(op, megabytes, chunked, 2_000)
  }
}

function sendBlindly(op: Operation, megabytes: number, chunked: boolean, pauseMillis: number): Promise<number> {
  const chunk = Buffer.alloc(1024 * 1024, 0x20)
  return new Promise((resolve, reject) => {
    const request = httpRequest(trial.app.base + goodAddress(op, trial.ids), {
      method: op.method,
      agent: false,
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${trial.restaurant.token}`,
        ...(!chunked && { 'content-length': String(megabytes * chunk.length) }),
      },
    })
    let answered = false
    request.on('response', (response) => {
      answered = true
      response.resume()
      resolve(response.statusCode ?? 0)
      request.destroy()
    })
    request.on('error', (error) => (answered ? undefined : reject(error)))
    let left = megabytes
    const more = () => {
      if (answered) return
      if (left-- === 0) request.end()
      else if (pauseMillis > 0) request.write(chunk, () => setTimeout(more, pauseMillis))
      else if (request.write(chunk)) more()
      else request.once('drain', more)
    }
    more()
  })
}

test('P12, B2: a batch may fill both of its lists, and one more is refused', async () => {
  const half = Array.from({ length: limits.listItems / 2 + 1 }, () => ({}))
  const guests = half.map(() => ({ id: trial.ids.guest }))
  const tables = half.map(() => ({ id: trial.ids.table }))
  const both = await trial.restaurant.call('POST', '/batch-update', { guests, tables })
  expect([both.status, both.body.success, both.body.updated_guests?.length]).toEqual([200, true, guests.length])
  const many = Array.from({ length: limits.listItems + 1 }, () => ({ id: trial.ids.guest }))
  const refused = await trial.restaurant.call('POST', '/batch-update', { guests: many })
  expectRefusal({ door: 'ios' }, refused, 'one more')
  expect(refused.body.detail).toMatchObject([{ type: 'too_long', loc: ['body', 'guests'] }])
})

test('P12, B2: a long name of a sync batch is cut between characters', async () => {
  const op = operations.find(({ name }) => name === 'syncBatch')!
  const name = `x${'🍷'.repeat(120)} y${'🍷'.repeat(70)}`
  const update = { entity_type: 'guest', entity_id: trial.ids.guest, data: { name } }
  const answer = await trial.send(op, { body: { updates: [update], timestamp: '' } })
  expect([answer.status, answer.body.success], answer.text).toEqual([200, true])
  const guest = await trial.restaurant.call('GET', `/guests/${trial.ids.guest}`)
  expect(guest.body).toMatchObject({ firstName: `x${'🍷'.repeat(99)}`, lastName: `y${'🍷'.repeat(70)}` })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../../src/platform/ids.ts'
import { goodBody, idFieldsOf, operations, TELLS, titleOf, withIds } from './operations.ts'
import { Raw } from './raw.ts'
import { fieldsOf, plain, withValue, type Field } from './schemas.ts'
import { badValues, badValuesOf } from './refusals.ts'
import { openTrial, type Trial } from './trial.ts'

/** Every field of every body of every operation, each wrong in every way. */

let trial: Trial
beforeAll(async () => {
  trial = await openTrial()
})
afterAll(() => trial.close())

// One whose body has no field has nothing to be wrong in; unknown fields are refused by another test.
const withBody = operations.filter((op) => op.body && fieldsOf(op.body).length > 0)

describe('P12, C6, L6: every field of every body, each wrong in every way', () => {
  for (const op of withBody) {
    test(`P12, C6, L6: ${titleOf(op)}`, async () => {
      const fields = fieldsOf(op.body!)
      expect(fields.length).toBeGreaterThan(0)
      const all = fields.flatMap((field) =>
        badValuesOf(op, field).map(
          ([label, value]) =>
            [
              `${field.place.join('.')}: ${label}`,
              { body: withValue(op.body!, goodBody(op, trial.ids), field.place, value) },
            ] as const,
        ),
      )
      await trial.allRefused(op, all, ({ status, body }, label) => {
        if (op.door === 'v2') return
        if (label.includes('brackets')) return
        expect(status, label).toBe(422)
        // The fault is found where it is: at the field itself, or within it.
        const place = label.split(': ')[0]!
        expect(
          body.detail.some(({ loc }: { loc: unknown[] }) => loc.slice(1).join('.').startsWith(place)),
          `${label}: ${JSON.stringify(body).slice(0, 300)}`,
        ).toBe(true)
      })
    })
  }
})

describe('P12, B2, L6: fields of the data in lists, which the document leaves open', () => {
  for (const op of withBody.filter(({ body, wholeBody }) => body !== wholeBody)) {
    test(`P12, B2, L6: ${titleOf(op)}`, async () => {
      const fields = fieldsOf(op.wholeBody!).filter(({ place }) => place.includes('data') && place.at(-1) !== 'data')
      expect(fields.length).toBeGreaterThan(10)
      const filled = (field: Field, value: unknown) =>
        withValue(
          op.wholeBody!,
          withIds(op, withValue(op.wholeBody!, plain(op.wholeBody!), field.place, null), trial.ids),
          field.place,
          value,
        )
      const all = fields.flatMap((field) =>
        badValues(field.schema).map(
          ([label, value]) => [`${field.place.join('.')}: ${label}`, { body: filled(field, value) }] as const,
        ),
      )
      // Faults in what the contract calls "an object" are told, not refused; brackets are no JSON to anyone.
      await trial.allRefusedOrTold(op, all, ({ status }, label) => {
        expect(status, label).toBe(label.includes('brackets') ? 422 : 200)
      })
    })

    test(`P12, B2: keys that objects have by themselves: ${titleOf(op)}`, async () => {
      const evil = '{"__proto__":{"x":1},"constructor":1,"toString":{},"hasOwnProperty":null,"":1,"polluted":1}'
      const kind = op.name === 'syncBatch' ? '=guest' : '=update'
      const list = op.name === 'syncBatch' ? 'updates' : 'guests'
      const body = withIds(
        op,
        withValue(op.wholeBody!, plain(op.wholeBody!), [list, 0, kind, 'data'], new Raw(evil)),
        trial.ids,
      )
      const answer = await trial.send(op, { body })
      expect([answer.status, answer.body.success], answer.text).toEqual([200, true])
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    })
  }
})

describe('P12, L6: ids in bodies that name nothing', () => {
  for (const op of withBody) {
    // An id that a client makes names nothing by its nature.
    const named = idFieldsOf(op).filter(({ kind }) => kind !== 'new')
    if (named.length === 0) continue
    test(`P12, L6: ids of ${titleOf(op)}`, async () => {
      const odd = [newId(), newId().toUpperCase(), 'nope', '00000000-0000-0000-0000-000000000000', '1', ' ', '../x']
      const all = named.flatMap((field) =>
        odd.map((id) => [`${field.place.join('.')}: ${id}`, { body: goodBody(op, trial.ids, field, id) }] as const),
      )
      // The contract's lists tell of each id, whatever text it is; they are not refused for it.
      await trial.allRefusedOrTold(op, all, ({ status }, label) => {
        if (op.door === 'ios' && TELLS.includes(op.name)) expect(status, label).toBe(200)
      })
    })
  }
})

import { expect, test } from 'vitest'
import { guestEntity } from '../guests/guests.ts'
import { reservationEntity } from '../reservations/reservations.ts'
import { tableEntity } from '../tables/tables.ts'

test('R4: the SQL that is made of the fields of each entity is the one that is checked in', async () => {
  const made = Object.entries({ guestEntity, tableEntity, reservationEntity }).flatMap(([name, made]) => [
    `-- ${name}: the columns of a select`,
    made.columns,
    ...[made.insert, made.update].flatMap((each) => [`-- ${each.name}`, each.text]),
    '',
  ])
  await expect(made.join('\n')).toMatchFileSnapshot('../../test/schemas/statements.sql')
})

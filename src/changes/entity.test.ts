import { expect, test } from 'vitest'
import type { Kind } from '../floor/nouns.ts'
import { areaEntity } from '../areas/areas.ts'
import { guestEntity } from '../guests/guests.ts'
import { personEntity } from '../people/people.ts'
import { reservationEntity } from '../reservations/reservations.ts'
import { staffEntity } from '../staff/members.ts'
import { planEntity, sectionEntity, serverEntity } from '../sections/sections.ts'
import { settingsEntity } from '../settings/settings.ts'
import { tableEntity } from '../tables/tables.ts'
import { turnEntity } from '../turns/turns.ts'

/** A kind that is missing here does not compile. */
const entities: Record<Kind | 'person', Pick<typeof guestEntity, 'columns' | 'insert' | 'update'>> = {
  staff: staffEntity,
  area: areaEntity,
  settings: settingsEntity,
  turn: turnEntity,
  server: serverEntity,
  section: sectionEntity,
  plan: planEntity,
  guest: guestEntity,
  table: tableEntity,
  reservation: reservationEntity,
  person: personEntity,
}

test('R4: the SQL that is made of the fields of each entity is the one that is checked in', async () => {
  const made = Object.entries(entities).flatMap(([kind, made]) => [
    `-- ${kind}Entity: the columns of a select`,
    made.columns,
    ...[made.insert, made.update].flatMap((each) => [`-- ${each.name}`, each.text]),
    '',
  ])
  await expect(made.join('\n')).toMatchFileSnapshot('../../test/schemas/statements.sql')
})

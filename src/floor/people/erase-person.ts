import { z } from 'zod'
import { statement } from '../../platform/database/db.ts'
import { idField, intField } from '../../platform/fields.ts'
import { limits } from '../../platform/limits.ts'
import { command, type Write } from '../../changes/command/command.ts'
import { guestEntity, type Guest } from '../../guests/guests.ts'
import { forgetMessagesTo } from '../../messages/messages.ts'
import { phoneDigits } from '../../people/contact-keys.ts'
import { keysOfPerson, lockPeople, personEntity, type Person } from '../../people/people.ts'
import { reservationEntity, type Reservation } from '../../reservations/reservations.ts'
import { forgetInLog, type Whom } from './forgetting.ts'

// Whoever was merged into the person is a part of it.
const lockParts = statement(
  'lock-parts-of-person',
  `with recursive parts as (
     select id from people where restaurant_id = $1 and id = $2
     union all
     select p.id from parts join people p on p.restaurant_id = $1 and p.merged_into = parts.id)
   select ${personEntity.columns} from people where restaurant_id = $1 and id in (select id from parts) order by id for update`,
)

const deletePeople = statement('delete-people', `delete from people where restaurant_id = $1 and id = any ($2::uuid[])`)

// A visit with their phone or e-mail that nobody linked is theirs too. What is read of a row is not noted as locked: no
// change may hold what it was before.
const theirs = (phone: string): string =>
  `(person_id = any ($2::uuid[]) or person_id is null and (
     regexp_replace(coalesce(${phone}, ''), '\\D', '', 'g') = any ($3::text[]) or lower(trim(email)) = any ($4::text[])))`

const forgetGuests = statement(
  'forget-guests',
  `with due as (select id from guests where restaurant_id = $1 and ${theirs('phone')} order by id for update)
   update guests set first_name = 'Guest', last_name = '', email = null, phone = null, dietary_restrictions = '{}',
     special_requests = null, notes = null, person_id = null, person = null, version = version + 1, updated_at = $5
   where restaurant_id = $1 and id in (select id from due) returning ${guestEntity.columns}`,
)

const forgetReservations = statement(
  'forget-reservations',
  `with due as (select id from reservations where restaurant_id = $1 and ${theirs('contact_info')} order by id for update)
   update reservations set guest_name = 'Guest', email = null, contact_info = null,
     special_requests = null, notes = null, person_id = null, person = null, version = version + 1, updated_at = $5
   where restaurant_id = $1 and id in (select id from due) returning ${reservationEntity.columns}`,
)

/**
 * Forgets a person: nothing of them is left in the guest book, on their visits, in the log and in the answers that are kept
 * for repeats. Their visits stay, of a guest without a name, and devices are told so. Throws `AppError` person-not-found
 * (404). Spec: E7.
 */
export const erasePerson = command({
  name: 'erase-person',
  summary: 'Forget a person, in all that is stored',
  method: 'DELETE',
  path: '/people/:personId',
  role: 'manager',
  inBatch: false,
  rewritesLog: true,
  budget: [13, 8],
  input: z.strictObject({ personId: idField }),
  answer: z.object({ erased: z.literal(true), visits: intField(0) }),
  async run(w, { personId }) {
    await lockPeople(w, [personId])
    const people = await w.tx.all<Person>(lockParts, [w.restaurantId, personId])
    const whom = await whomOf(w, people)
    const partyIds = await forgetParties(w, whom)
    const everyId = await forgetInLog(w, whom, partyIds)
    forgetMessagesTo(w, everyId, [...whom.phones, ...whom.emails])
    w.tx.send(deletePeople, [w.restaurantId, [...whom.personIds]])
    return { erased: true as const, visits: partyIds.length }
  },
})

/** A person's ids, phones and e-mails, also those that only a key is left of. */
async function whomOf(w: Write, people: readonly Person[]): Promise<Whom> {
  const keys = (await Promise.all(people.map(({ id }) => keysOfPerson(w.tx, w.restaurantId, id)))).flat()
  const from = (scheme: string) => keys.filter((key) => key.startsWith(scheme)).map((key) => key.slice(scheme.length))
  const known = (values: readonly (string | null)[]) => [...new Set(values.filter((value) => value !== null))]
  return {
    personIds: new Set(people.map(({ id }) => id)),
    phones: known([...people.map(({ phone }) => phone), ...from('tel:')]),
    emails: known([...people.map(({ email }) => email), ...from('mailto:')]),
  }
}

/** Takes the person off its parties and tells devices. Gives the ids of all of them. */
async function forgetParties(w: Write, { personIds, phones, emails }: Whom): Promise<string[]> {
  const digits = phones.flatMap((phone) => [phone.replace(/\D/g, ''), phoneDigits(phone)]).filter((each) => each)
  const mails = emails.map((email) => email.trim().toLowerCase())
  const values = [w.restaurantId, [...personIds], digits, mails, w.now]
  const reservations = await w.tx.all<Reservation>(forgetReservations, values)
  const guests = await w.tx.all<Guest>(forgetGuests, values)
  const told = [
    ...reservations.map((value) => ({ kind: 'reservation', value })),
    ...guests.map((value) => ({ kind: 'guest', value })),
  ]
  // No device holds what is older than the latest some thousand visits of one person.
  told.sort((a, b) => (a.value.createdAt < b.value.createdAt ? 1 : -1))
  for (const { kind, value } of told.slice(0, limits.entriesPerChange))
    w.put(kind, value.id, 'edited', value.version, value)
  return told.map(({ value }) => value.id)
}

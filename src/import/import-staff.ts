import { idOf } from './old/ids.ts'
import { ensureOwner, mapUser } from './map/staff.ts'
import type { Mapped } from './old/rows.ts'
import { emailIn, retireOthers, storeStaffPage } from './target-staff.ts'
import { account, identify, noteId, setAside, type Work } from './work.ts'

const EMAIL_CHARACTERS = 255

/** Brings over who signs in. Gives whether anything changed. */
export async function importStaff(work: Work): Promise<boolean> {
  const { tx, restaurantId, report } = work
  const staff: Mapped[] = []
  for await (const page of work.source.rows('users', { restaurant: work.oldRestaurantId })) {
    for (const row of page) {
      const oldId = identify(work, 'users', row)
      if (oldId === null) continue
      const mapped = noteId('users', mapUser(row, oldId, work.zone, work.otherwise))
      const why = await settleEmail(work, mapped)
      if (why === null) staff.push(mapped)
      else setAside(work, 'users', row, why)
    }
    work.progress.step(page.length)
  }
  if (work.mode !== 'missing') {
    ensureOwner(staff)
    if (!staff.some(({ row }) => row['is_active'] === true && row['role'] === 'owner'))
      report.say(`restaurants ${work.oldRestaurantId}: nobody can sign in: it has no active user`)
  }
  const stored = await storeStaffPage(
    tx,
    restaurantId,
    staff.map(({ row }) => row),
    work.mode === 'missing',
  )
  account(work, 'users', staff, stored)
  if (work.mode !== 'refresh') return stored.size > 0
  const gone = await retireOthers(
    tx,
    restaurantId,
    staff.map(({ row }) => String(row['id'])),
  )
  for (const id of gone)
    report.say(`users ${id}: is in QTable and no longer in the old database -> can't sign in any more`)
  return stored.size + gone.length > 0
}

/** Decides how a user's e-mail is unique; gives why it can't be. */
async function settleEmail(work: Work, { row, oldId, problems }: Mapped): Promise<string | null> {
  const email = String(row['email'])
  if (email === '') return 'it has no e-mail'
  if (Array.from(email).length > EMAIL_CHARACTERS) return `the e-mail is longer than ${EMAIL_CHARACTERS} characters`
  const place = work.emails.of(oldId, email)
  if (typeof place === 'object') return place.refused
  const there = await emailIn(work.db, email, idOf('users', oldId), place)
  if (there === 'taken') return 'the e-mail is in use in QTable'
  if (there === 'lower') return null
  row['email_key'] = email
  problems.push({
    wrong: "the e-mail is another's too but for upper and lower case",
    done: 'signs in with this exact spelling',
  })
  return null
}

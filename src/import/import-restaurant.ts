import { importFloor } from './import-floor.ts'
import { importStaff } from './import-staff.ts'
import { idOf } from './old/ids.ts'
import { mapRestaurant } from './map/staff.ts'
import { OLD_KINDS, type OldRow } from './old/database.ts'
import { newTally, type Tally } from './report.ts'
import { checkPairs, lockLog, renewLog } from './target.ts'
import { isZoneThere, storeRestaurantRow } from './target-staff.ts'
import { account, noteId, type Import, type Mode, type Work } from './work.ts'

/** Thrown to undo what a dry run did. */
class DryRun extends Error {}
/** Thrown when a restaurant may not be touched. */
class InUse extends Error {}

/**
 * Brings over one restaurant with everything in it, in one transaction. Gives where its rows went; they count as refused
 * when nothing was stored. Spec: I3, I7.
 */
export async function importRestaurant(base: Import, old: OldRow, oldId: string): Promise<Tally> {
  const { report } = base
  const restaurantId = idOf('restaurants', oldId)
  let tally = newTally()
  try {
    await base.db.transaction({ restaurantId }, async (tx) => {
      const seq = await lockLog(tx, restaurantId)
      if (seq !== null && seq > 0 && !base.onlyMissing) throw new InUse()
      const mode: Mode = seq === null ? 'new' : base.onlyMissing ? 'missing' : 'refresh'
      const restaurant = await mapRestaurant(old, oldId, base.zone, (name) => isZoneThere(tx, name))
      const now = base.clock.now()
      const place = { restaurantId, oldRestaurantId: oldId, otherwise: restaurant.createdAt }
      const work: Work = { ...base, ...place, tx, mode, now, tally }
      const changed = await importAll(work, restaurant)
      if (changed) await renewLog(tx, restaurantId, mode === 'new', now)
      await checkPairs(tx)
      report.settle()
      if (base.dryRun) throw new DryRun()
    })
  } catch (error) {
    if (!(error instanceof DryRun)) {
      report.say(`restaurants ${oldId}: ${error instanceof InUse ? IN_USE : failure(error)}`)
      tally = await allRefused(base, oldId)
    }
  }
  const { guests, reservations, restaurant_tables: tables, restaurants } = tally
  if (restaurants.refused === 0)
    report.say(
      `restaurants ${oldId}: ${base.dryRun ? 'would be done' : 'done'}: ${tables.imported} tables, ${guests.imported} guests, ${reservations.imported} reservations`,
    )
  return tally
}

const IN_USE =
  'is in use in QTable: something was changed there since it was imported. Nothing of it was touched; --only-missing adds the rows that QTable lacks'

function failure(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error)
  return `failed, nothing of it was stored: ${reason}`
}

async function importAll(work: Work, restaurant: Awaited<ReturnType<typeof mapRestaurant>>): Promise<boolean> {
  work.tally.restaurants.read++
  let did: 'new' | 'new-slug' | 'changed' | 'same' = 'same'
  if (work.mode !== 'missing') {
    did = await storeRestaurantRow(work.tx, restaurant.row)
    if (did === 'new-slug')
      restaurant.problems.push({ wrong: 'the slug is in use in QTable', done: 'the slug ends with the id' })
  }
  noteId('restaurants', restaurant)
  account(work, 'restaurants', [restaurant], new Set(did === 'same' ? [] : [work.restaurantId]))
  const staff = await importStaff(work)
  const floor = await importFloor(work)
  return did !== 'same' || staff || floor
}

/** The count of a restaurant that was not touched. */
async function allRefused(base: Import, oldId: string): Promise<Tally> {
  const tally = newTally()
  tally.restaurants.read = tally.restaurants.refused = 1
  for (const kind of OLD_KINDS) {
    if (kind === 'restaurants') continue
    const rows = await base.source.count(kind, { restaurant: oldId })
    tally[kind].read = tally[kind].refused = rows
  }
  return tally
}

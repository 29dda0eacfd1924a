import type { Answer } from './client.ts'
import type { Copy, Fields } from './copy.ts'
import type { Device } from './device.ts'
import { NOTES } from './evening.ts'
import { GIVE_UP_FACTOR, RESET_MINUTES } from './figures.ts'
import type { House } from './house.ts'
import type { Party } from './party.ts'
import { quote, seatWaiting } from './seating.ts'

/** What hosts do. They decide by what their device shows, as hosts do: whoever is wrong now and then takes another's table, and the party comes back to the list. */

const NO_SHOW_AFTER = 20
const CANCELS_AFTER = 5
const MISTAKE_LASTS = 2

/** One look around: everyone who is due something gets it, as far as hosts have free hands. */
export function lookAround(house: House): void {
  const device = house.view()
  if (!device) return
  const now = house.clock.now()
  for (const party of house.parties) {
    if (party.phase === 'gone') continue
    if (party.id === null) {
      if (party.plan.writtenAt > now) break
      if (!house.isBusy(keyOf(party))) writeDown(house, party, device.copy, now)
      continue
    }
    if (house.isBusy(party.id)) continue
    party.observe(device.copy.guests.get(party.id), now)
    mind(house, party, device.copy, now)
  }
  seatWaiting(house, device.copy, now)
}

const plans = new WeakMap<Party, string>()
let planned = 0

/** What stands for a party that has no id yet. */
function keyOf(party: Party): string {
  const key = plans.get(party) ?? `planned-${++planned}`
  plans.set(party, key)
  return key
}

/** A party comes, or a reserved one is expected by now: it goes on the list. */
function writeDown(house: House, party: Party, copy: Copy, now: number): void {
  const { plan } = party
  const reserved = plan.reservedFor !== null
  const late = reserved && (plan.fate !== 'comes' || plan.at > plan.writtenAt)
  party.quote = reserved ? 0 : quote(house, party, copy)
  const body = {
    first_name: plan.name[0],
    last_name: plan.name[1],
    party_size: plan.size,
    ...(plan.phone && { phone: plan.phone }),
    ...(party.quote > 0 && { notes: `Quoted ${party.quote} min` }),
    ...(plan.reservedFor !== null && {
      status: late ? 'Running Late' : 'Arrived',
      reservation_time: house.clock.wallTime(plan.reservedFor),
    }),
    ...(reserved && !late && { check_in_time: house.clock.wallTime(now) }),
  }
  house.act([keyOf(party)], async (device) => {
    const answer = await device.act('POST', '/guests', body)
    if (!answer || answer.status !== 200) return answer
    party.id = (answer.body as { id: string }).id
    const heard = device.copy.guests.has(party.id)
    if (!heard) house.tell(`${party.family} (${party.size}) ${late ? 'run late' : 'come in'}`)
    return answer
  })
}

/** Whatever is due for a party that is written down, one thing at a time. */
function mind(house: House, party: Party, copy: Copy, now: number): void {
  const guest = copy.guests.get(party.id!)
  if (!guest) return
  if (party.phase === 'late') return mindLate(house, party, now)
  if (party.phase === 'seated' && now >= party.leavesAt!) return endVisit(house, party, guest, copy, now)
  if (party.phase === 'waiting' && mindWaiting(house, party, guest, now)) return
  mindWishes(house, party, guest, copy, now)
}

function mindLate(house: House, party: Party, now: number): void {
  const { plan } = party
  const since = now - plan.writtenAt
  if (plan.fate === 'no-show' && since >= NO_SHOW_AFTER) change(house, party, { status: 'No Show' }, 'never came')
  else if (plan.fate === 'cancels' && since >= CANCELS_AFTER)
    change(house, party, { status: 'Cancelled' }, 'rang up: not coming')
  else if (plan.fate === 'comes' && now >= plan.at)
    change(house, party, { status: 'Arrived', check_in_time: house.clock.wallTime(now) }, 'are here at last')
}

/** Gives up, is struck out, or needs the second half of being seated by its table. True when something was done. */
function mindWaiting(house: House, party: Party, guest: Fields, now: number): boolean {
  const { plan } = party
  const waited = now - (party.waitedFrom ?? now)
  if (guest['tableId'] !== null) return change(house, party, { status: 'Seated' }, 'sit down')
  if (plan.fate === 'written-by-mistake' && waited >= MISTAKE_LASTS) {
    const id = party.id!
    return house.act([id], (device) => device.act('DELETE', `/guests/${id}`))
  }
  const patience = GIVE_UP_FACTOR * Math.max(party.quote, 5)
  if (plan.givesUp && party.thrownOff === 0 && waited >= patience)
    return change(house, party, { status: 'Cancelled' }, 'have waited long enough')
  return false
}

/** Notes, one more at the table, another table. */
function mindWishes(house: House, party: Party, guest: Fields, copy: Copy, now: number): void {
  const { noteAfter, grows, movesAfter } = party.plan
  const here = party.waitedFrom === null ? -1 : now - party.waitedFrom
  if (!party.noted && noteAfter !== null && here >= noteAfter) {
    const notes = [guest['notes'], house.random.pick(NOTES)].filter(Boolean).join('; ')
    party.noted = change(house, party, { notes }, 'want it noted')
  } else if (!party.grown && grows !== null && here >= grows) {
    party.grown = change(house, party, { party_size: party.size + 1 }, 'are one more')
  } else if (!party.moved && movesAfter !== null && party.seatedAt !== null && now - party.seatedAt >= movesAfter) {
    const free = [...copy.tables].find(
      ([id, table]) => house.isFree(id, table, now) && Number(table['capacity']) >= party.size,
    )
    if (!free) return
    const [table_id, table] = free
    const text = `move to table ${String(table['tableNumber'])}`
    party.moved = change(house, party, { table_id }, text, [table_id, String(guest['tableId'])])
  }
}

/** The three ways in which hosts end a visit. */
function endVisit(house: House, party: Party, guest: Fields, copy: Copy, now: number): void {
  const tableId = guest['tableId']
  const { ending } = party.plan
  if (typeof tableId !== 'string') return void change(house, party, { status: 'Finished' }, 'have left')
  if (house.isBusy(tableId) || copy.tables.get(tableId)?.['currentGuestId'] !== party.id) return
  const id = party.id!
  const done = house.act([id, tableId], (device: Device): Promise<Answer | null> => {
    if (ending === 'cleared') return device.act('PUT', `/tables/${tableId}/clear`)
    if (ending === 'available') return device.act('PUT', `/tables/${tableId}`, { status: 'available' })
    return device.act('PUT', `/guests/${id}`, { status: 'Finished' })
  })
  if (!done) return
  house.setAgainAt.set(tableId, now + RESET_MINUTES)
  house.tell(`${party.family} have left table ${String(copy.tables.get(tableId)?.['tableNumber'])}`)
}

/** Changes a guest. `also` are tables that the change touches. False when no host had time. */
export function change(house: House, party: Party, body: object, news: string, also: readonly string[] = []): boolean {
  const id = party.id!
  const done = house.act([id, ...also], (device) => device.act('PUT', `/guests/${id}`, body))
  if (done) house.tell(`${party.family} ${news}`)
  return done
}

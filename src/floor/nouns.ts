import { areas } from '../areas/areas.ts'
import { guestsOnFloor } from '../guests/guests.ts'
import { addGuest } from '../guests/add-guest.ts'
import { deleteGuest } from '../guests/delete-guest.ts'
import { moveGuest } from '../guests/move-guest.ts'
import { seatGuest } from '../guests/seat-guest.ts'
import { setGuestStatus } from '../guests/set-guest-status.ts'
import { updateGuest } from '../guests/update-guest.ts'
import { cancelGuest } from '../guests/waitlist/cancel-guest.ts'
import { giveMoreTime } from '../guests/waitlist/give-more-time.ts'
import { guestOnMyWay } from '../guests/waitlist/guest-on-my-way.ts'
import { notifyGuest } from '../guests/waitlist/notify-guest.ts'
import { quoteGuest } from '../guests/waitlist/quote-guest.ts'
import { reservationsOnFloor } from '../reservations/reservations.ts'
import { cancelReservation } from '../reservations/cancel-reservation.ts'
import { updateReservation } from '../reservations/update-reservation.ts'
import { staffOnFloor } from '../staff/members.ts'
import { addSection } from '../sections/add-section.ts'
import { cutServer } from '../sections/cut-server.ts'
import { removeSection } from '../sections/remove-section.ts'
import { plans, sectionsOnFloor, servers } from '../sections/sections.ts'
import { skipServer } from '../sections/skip-server.ts'
import { switchSections } from '../sections/switch-sections.ts'
import { updateSection } from '../sections/update-section.ts'
import { settingsOnFloor } from '../settings/settings.ts'
import { updateSettings } from '../settings/update-settings.ts'
import { tablesOnFloor } from '../tables/tables.ts'
import { addTable } from '../tables/add-table.ts'
import { blockTable } from '../tables/life/block-table.ts'
import { holdTable } from './hold-table.ts'
import { markCheck } from '../tables/life/mark-check.ts'
import { markClean } from '../tables/life/mark-clean.ts'
import { releaseTable } from '../tables/life/release-table.ts'
import { removeTable } from '../tables/remove-table.ts'
import { addReservation } from './add-reservation.ts'
import { arrangeTables } from './arrange-tables.ts'
import { clearTable } from './clear-table.ts'
import { refreshTurns } from '../insights/refresh-turns.ts'
import { turnsOnFloor } from '../turns/turns.ts'
import { updateTable } from './update-table.ts'

/**
 * The one list of what stands on the floor and of what is done there. The stream, conflicts, batches, the client's types,
 * the API's documents, the isolation and fuzz matrices and the statement budgets are made from it.
 */

/** Every kind of entity that devices see, in the order of the ladder, which is the order of locks. */
export const nouns = [
  settingsOnFloor,
  staffOnFloor,
  turnsOnFloor,
  tablesOnFloor,
  areas.onFloor,
  servers.onFloor,
  sectionsOnFloor,
  plans.onFloor,
  reservationsOnFloor,
  guestsOnFloor,
] as const

/** Every command that changes them. */
export const floorCommands = [
  addTable,
  updateTable,
  arrangeTables,
  clearTable,
  removeTable,
  addReservation,
  updateReservation,
  cancelReservation,
  addGuest,
  updateGuest,
  setGuestStatus,
  seatGuest,
  moveGuest,
  deleteGuest,
  holdTable,
  blockTable,
  releaseTable,
  markClean,
  markCheck,
  areas.add,
  areas.update,
  areas.remove,
  updateSettings,
  quoteGuest,
  notifyGuest,
  guestOnMyWay,
  giveMoreTime,
  cancelGuest,
  refreshTurns,
  servers.add,
  servers.update,
  servers.remove,
  cutServer,
  skipServer,
  addSection,
  updateSection,
  removeSection,
  plans.add,
  plans.update,
  plans.remove,
  switchSections,
] as const

/** A kind of entity by its name in the log. */
export type Kind = (typeof nouns)[number]['kind']

/** A command that may stand in a batch and in a client's queue. */
export type Part = Extract<(typeof floorCommands)[number], { readonly inBatch: true }>

import { decideHold, decideClearTable, decideUpdateTable } from '../src/floor/rules.ts'
import {
  decideDeleteGuest,
  decideJoin,
  decideMoveGuest,
  decideSeatGuest,
  decideSetGuestStatus,
  decideUpdateGuest,
  newGuest,
} from '../src/guests/rules.ts'
import {
  decideCancelGuest,
  decideGiveMoreTime,
  decideGuestOnMyWay,
  decideNotifyGuest,
  decideQuoteGuest,
} from '../src/guests/waitlist/rules.ts'
import type { Instant } from '../src/platform/clock.ts'
import {
  decideCancelReservation,
  decideUpdateReservation,
  EXPECTED,
  newReservation,
} from '../src/reservations/rules.ts'
import { decideRemove, decideUpdate, newEntity, type Refusal } from '../src/changes/rules.ts'
import { decideUpdateSettings } from '../src/settings/rules.ts'
import { decideBlockTable, decideMarkCheck, decideMarkClean, decideReleaseTable } from '../src/tables/life/rules.ts'
import { decideRemoveTable, newTable } from '../src/tables/rules.ts'
import type { CommandName, Inputs, Parsed, Served, Way } from './commands.ts'
import { parsed } from './inputs.ts'
import { allowed, lay, make, type Shown } from './lay.ts'
import { PLAN_CHECKS, sectionWays, SERVER_CHECKS } from './section-ways.ts'
import { Unlikely, type View } from './view.ts'
import type { Kinds } from './words.ts'

/**
 * The client's commands: how each is sent, and what it does to what is shown until the server has decided. The rules of the nouns decide, as they do on the server;
 * here their decisions are laid over the view. Pure.
 */

export interface Moment {
  readonly now: Instant
  /** The id of an entity that the command makes and the device did not name. */
  readonly newId: string
}

/** A command of the client: how it is sent, and what it does to what is shown. */
export type Ways = {
  readonly [Name in CommandName]: Way &
    Pick<Served[Name], 'method' | 'path'> & {
      shows(view: View, input: Parsed[Name], moment: Moment): Refusal | readonly Shown[]
    }
}

/** What the plain commands of a noun do besides: see `Words` in `src/changes/plain.ts`. */
interface Checks<T> {
  readonly starts?: object
  refuse?(view: View, value: T, before: T | undefined): Refusal | null
  refuseRemoval?(view: View, value: T): Refusal | null
}

/** The commands of a noun that only store facts (`src/changes/plain.ts`). */
const plainWays = <K extends 'area' | 'server' | 'plan', P extends string>(
  kind: K,
  path: P,
  checks: Checks<Kinds[K]> = {},
) =>
  ({
    [`add-${kind}`]: {
      method: 'POST',
      path,
      makesId: true,
      shows: (view: View, { id, ...facts }: { id?: string }, { now, newId }: Moment) => {
        const value = newEntity(id ?? newId, { ...facts, ...checks.starts }, now) as unknown as Kinds[K]
        allowed(checks.refuse?.(view, value, undefined) ?? {})
        make(view, kind, value)
        return []
      },
    },
    [`update-${kind}`]: {
      method: 'PATCH',
      path: `${path}/:${kind}Id`,
      shows: (view: View, { [`${kind}Id`]: id, version, ...facts }: Record<string, unknown>) => {
        const before = view.get(kind, id as string)
        const effect = allowed(decideUpdate(kind, before, { id: id as string, version: version as number, facts }))
        return checks.refuse?.(view, { ...before!, ...effect.set }, before) ?? [effect]
      },
    },
    [`remove-${kind}`]: {
      method: 'DELETE',
      path: `${path}/:${kind}Id`,
      guards: [kind, `${kind}Id`],
      shows: (view: View, { [`${kind}Id`]: id, version }: Record<string, unknown>) => {
        const before = view.get(kind, id as string)
        const effect = allowed(decideRemove(kind, before, { id: id as string, version: version as number }))
        return checks.refuseRemoval?.(view, before!) ?? [effect]
      },
    },
  }) as unknown as Pick<Ways, `add-${K}` | `update-${K}` | `remove-${K}`>

const refuseUsedArea = (view: View, area: Kinds['area']): Refusal | null =>
  [...view.of('table')].some(({ areaId }) => areaId === area.id)
    ? { code: 'area-in-use', status: 409, message: 'Tables are in this area', details: { area } }
    : null

/** Every command of the client. Its type holds it to the server's list: each of them, with its method and path. */
export const ways: Ways = {
  ...plainWays('area', '/areas', { refuseRemoval: refuseUsedArea }),
  ...plainWays('server', '/servers', SERVER_CHECKS),
  ...plainWays('plan', '/plans', PLAN_CHECKS),
  ...sectionWays,
  'update-settings': {
    method: 'PATCH',
    path: '/settings',
    shows: (view, input) => [allowed(decideUpdateSettings([...view.of('settings')][0], input))],
  },
  'add-table': {
    method: 'POST',
    path: '/tables',
    makesId: true,
    shows: (view, { id, ...made }, { now, newId }) => {
      make(view, 'table', newTable(id ?? newId, made, now))
      return []
    },
  },
  'update-table': {
    method: 'PATCH',
    path: '/tables/:tableId',
    shows: (view, input, { now }) => decideUpdateTable(view, input, now),
  },
  'clear-table': {
    method: 'POST',
    path: '/tables/:tableId/clear',
    guards: ['table', 'tableId'],
    shows: (view, input, { now }) => decideClearTable(view, input, now),
  },
  'hold-table': {
    method: 'POST',
    path: '/tables/:tableId/hold',
    shows: (view, input, { now }) => [allowed(decideHold(view, input, now))],
  },
  'block-table': {
    method: 'POST',
    path: '/tables/:tableId/block',
    shows: (view, input, { now }) => [allowed(decideBlockTable(view.get('table', input.tableId), input, now))],
  },
  'release-table': {
    method: 'POST',
    path: '/tables/:tableId/release',
    shows: (view, input) => decideReleaseTable(view.get('table', input.tableId), input),
  },
  'mark-clean': {
    method: 'POST',
    path: '/tables/:tableId/clean',
    shows: (view, input) => decideMarkClean(view.get('table', input.tableId), input),
  },
  'mark-check': {
    method: 'POST',
    path: '/tables/:tableId/check',
    shows: (view, input, { now }) => [allowed(decideMarkCheck(view.get('table', input.tableId), input, now))],
  },
  'remove-table': {
    method: 'DELETE',
    path: '/tables/:tableId',
    guards: ['table', 'tableId'],
    shows: (view, input) => [allowed(decideRemoveTable(view.get('table', input.tableId), input))],
  },
  'add-reservation': {
    method: 'POST',
    path: '/reservations',
    makesId: true,
    shows: (view, { id: named, ...made }, { now, newId }) => {
      const id = named ?? newId
      if (view.get('guest', id)) throw new Unlikely('id-taken')
      make(view, 'reservation', newReservation(id, made, now))
      return []
    },
  },
  'update-reservation': {
    method: 'PATCH',
    path: '/reservations/:reservationId',
    shows: (view, input, { now }) => decideUpdateReservation(view, input, now),
  },
  'cancel-reservation': {
    method: 'POST',
    path: '/reservations/:reservationId/cancel',
    shows: (view, input, { now }) => decideCancelReservation(view, input, now),
  },
  'add-guest': {
    method: 'POST',
    path: '/guests',
    makesId: true,
    shows: (view, { id: named, ...made }, { now, newId }) => {
      const id = named ?? newId
      // A table names its party by id, whichever kind it is: no guest may have a reservation's.
      if (view.get('reservation', id)) throw new Unlikely('id-taken')
      const guest = newGuest(id, made, now)
      const { serverId, before, after } = allowed(decideJoin(view, guest, made, now))
      lay(view, now, before)
      make(view, 'guest', { ...guest, serverId })
      return after
    },
  },
  'update-guest': {
    method: 'PATCH',
    path: '/guests/:guestId',
    shows: (view, input, { now }) => decideUpdateGuest(view, input, now),
  },
  'set-guest-status': {
    method: 'POST',
    path: '/guests/:guestId/status',
    shows: (view, input, { now }) => decideSetGuestStatus(view, input, now),
  },
  'seat-guest': {
    method: 'POST',
    path: '/guests/:guestId/seat',
    shows: (view, input, { now }) => decideSeatGuest(view, input, now),
  },
  'move-guest': {
    method: 'POST',
    path: '/guests/:guestId/move',
    shows: (view, input, { now }) => decideMoveGuest(view, input, now),
  },
  'delete-guest': {
    method: 'DELETE',
    path: '/guests/:guestId',
    guards: ['guest', 'guestId'],
    shows: (view, input) => {
      const linked = [...view.of('reservation')].filter(({ guestId }) => guestId === input.guestId)
      return decideDeleteGuest(view, input, {
        isExpected: linked.some(({ status }) => EXPECTED.includes(status)),
        linked,
      })
    },
  },
  'quote-guest': {
    method: 'POST',
    path: '/guests/:guestId/quote',
    shows: (view, input, { now }) => decideQuoteGuest(view, input, now),
  },
  'notify-guest': {
    method: 'POST',
    path: '/guests/:guestId/notify',
    shows: (view, input, { now }) => decideNotifyGuest(view, input, now),
  },
  'guest-on-my-way': {
    method: 'POST',
    path: '/guests/:guestId/on-my-way',
    shows: (view, input, { now }) => decideGuestOnMyWay(view, input, now),
  },
  'give-more-time': {
    method: 'POST',
    path: '/guests/:guestId/more-time',
    shows: (view, input, { now }) => decideGiveMoreTime(view, input, now, { byGuest: false }),
  },
  'cancel-guest': {
    method: 'POST',
    path: '/guests/:guestId/cancel',
    shows: (view, input, { now }) => decideCancelGuest(view, input, now),
  },
}

/** Does a command to what is shown. Throws `Unlikely` where the server would refuse it. A command of a later version does nothing. */
export function reduce<Name extends CommandName>(view: View, name: Name, input: Inputs[Name], moment: Moment): void {
  const way = ways[name] as Ways[Name] | undefined
  if (way) lay(view, moment.now, allowed(way.shows(view, parsed(name, input), moment)))
}

import { decideClearTable, decideUpdateTable } from '../src/floor/rules.ts'
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
import { type Effect } from '../src/parties/rules.ts'
import { withJoined } from '../src/parties/tables/rules.ts'
import type { Instant } from '../src/platform/clock.ts'
import {
  decideCancelReservation,
  decideUpdateReservation,
  EXPECTED,
  newReservation,
} from '../src/reservations/rules.ts'
import { decideRemove, decideUpdate, newEntity, type EntityEffect, type Refusal } from '../src/changes/rules.ts'
import { decideUpdateSettings } from '../src/settings/rules.ts'
import {
  decideBlockTable,
  decideHoldTable,
  decideMarkCheck,
  decideMarkClean,
  decideReleaseTable,
} from '../src/tables/life/rules.ts'
import { decideRemoveTable, newTable } from '../src/tables/rules.ts'
import { canonicalJson } from '../src/changes/floor/canonical.ts'
import type { CommandName, Inputs, Parsed, Served, Way } from './commands.ts'
import { parsed } from './inputs.ts'
import { Unlikely, type View } from './view.ts'
import type { Kind, Kinds } from './words.ts'

/**
 * The client's commands: how each is sent, and what it does to what is shown until the server has decided. The rules of the nouns decide, as they do on the server;
 * here their decisions are laid over the view. Pure.
 */

export interface Moment {
  readonly now: Instant
  /** The id of an entity that the command makes and the device did not name. */
  readonly newId: string
}

/** What a command does to one entity that is shown. */
type Shown = EntityEffect<Kind>

/** A command of the client: how it is sent, and what it does to what is shown. */
type Ways = {
  readonly [Name in CommandName]: Way &
    Pick<Served[Name], 'method' | 'path'> & {
      shows(view: View, input: Parsed[Name], moment: Moment): Refusal | readonly Shown[]
    }
}

type Shows<Name extends CommandName> = Ways[Name]['shows']

/** The commands of a noun that only store facts (`src/changes/plain.ts`). */
const plainWays = <K extends 'area', P extends string>(kind: K, path: P) =>
  ({
    [`add-${kind}`]: {
      method: 'POST',
      path,
      makesId: true,
      shows: ((view, { id, ...facts }, { now, newId }) => {
        make(view, kind, newEntity(id ?? newId, facts, now) as unknown as Kinds[K])
        return []
      }) satisfies Shows<`add-${K}`>,
    },
    [`update-${kind}`]: {
      method: 'PATCH',
      path: `${path}/:${kind}Id`,
      shows: (view: View, { [`${kind}Id`]: id, version, ...facts }: Record<string, unknown>) => [
        allowed(
          decideUpdate(kind, view.get(kind, id as string), { id: id as string, version: version as number, facts }),
        ),
      ],
    },
    [`remove-${kind}`]: {
      method: 'DELETE',
      path: `${path}/:${kind}Id`,
      guards: [kind, `${kind}Id`],
      shows: (view: View, { [`${kind}Id`]: id, version }: Record<string, unknown>) => [
        allowed(decideRemove(kind, view.get(kind, id as string), { id: id as string, version: version as number })),
      ],
    },
  }) as unknown as Pick<Ways, `add-${K}` | `update-${K}` | `remove-${K}`>

/** Every command of the client. Its type holds it to the server's list: each of them, with its method and path. */
export const ways: Ways = {
  ...plainWays('area', '/areas'),
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
    shows: (view, input, { now }) => [allowed(decideHoldTable(view.get('table', input.tableId), input, now))],
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
      const { before, after } = allowed(decideJoin(view, guest, made, now))
      lay(view, now, before)
      make(view, 'guest', guest)
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

function allowed<T extends object>(decision: Refusal | T): T {
  if ('code' in decision) throw new Unlikely(decision.code, decision.details)
  return decision
}

function lay(view: View, now: Instant, effects: readonly Shown[]): void {
  for (const { kind, id, set } of withJoined(view, effects as readonly Effect[])) {
    if (set === null) view.drop(kind, id)
    else change(view, now, kind, id, set)
  }
}

/** Changes an entity, if it is shown. What changes nothing is no change, as on the server. */
function change(view: View, now: Instant, kind: Kind, id: string, set: object): void {
  const before = view.get(kind, id)
  const after = { ...before, ...set } as Kinds[Kind]
  if (!before || canonicalJson(before) === canonicalJson(after)) return
  if (kind === 'table') refuseNumber(view, after as Kinds['table'])
  view.put(kind, { ...after, version: before.version + 1, updatedAt: now })
}

/** Makes an entity. The server's keys refuse it last, and so does this. */
function make<K extends Kind>(view: View, kind: K, made: Kinds[K]): void {
  if (view.get(kind, made.id)) throw new Unlikely('id-taken')
  if (kind === 'table') refuseNumber(view, made as Kinds['table'])
  view.put(kind, made)
}

function refuseNumber(view: View, { id, number }: Kinds['table']): void {
  for (const table of view.of('table'))
    if (table.number === number && table.id !== id) throw new Unlikely('table-number-taken', { table })
}

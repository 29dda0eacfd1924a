import { oneOf, type Card, type Picked } from './deck.ts'

/**
 * What writers send: each command of src/app.ts over /v2, and what an iPad does most. A deck begins with one card of
 * each, so that a short run sends all of them. `cards.test.ts` fails for a command that has no card.
 */

const v2 = (command: string, count: number, method: string, path: string, input: Card['input']): Card => ({
  api: 'v2',
  command,
  method,
  path,
  count,
  input,
})
const ipad = (count: number, method: string, path: string, input: Card['input']): Card => ({
  ...v2('', count, method, path, input),
  api: 'ipad',
})

const PASSWORD = 'Tall-Maple-38'
const shortly = (note: string): string => note.slice(-12)

/** Two edits that can be done, and now and then a seating that may be refused: then none of it may be done. */
function operations({ guest, table, reservation, note, random }: Picked): object[] {
  const all = [
    { command: 'update-table', input: { tableId: table, section: note } },
    { command: 'update-guest', input: { guestId: guest, notes: note } },
    { command: 'update-reservation', input: { reservationId: reservation, notes: note } },
    ...(random() < 0.5 ? [{ command: 'seat-guest', input: { guestId: guest, tableId: table } }] : []),
  ]
  return all.filter(({ input }) => Object.values(input).every((value) => value !== undefined))
}

/** A noun whose commands only store facts. */
const plain = (noun: string, path: string): Card[] => [
  v2(`add-${noun}`, 2, 'POST', path, ({ note }) => ({ name: note })),
  v2(`update-${noun}`, 1, 'PATCH', `${path}/:${noun}Id`, ({ made, note }) => ({
    [`${noun}Id`]: made(path),
    name: note,
  })),
  v2(`remove-${noun}`, 1, 'DELETE', `${path}/:${noun}Id`, ({ made }) => ({ [`${noun}Id`]: made(path) })),
]

/** What managers set up, and what goes out to guests. */
const setUp: readonly Card[] = [
  ...plain('area', '/areas'),
  ...plain('server', '/servers'),
  ...plain('section', '/sections'),
  ...plain('plan', '/plans'),
  v2('cut-server', 1, 'POST', '/servers/:serverId/cut', ({ made }) => ({ serverId: made('/servers') })),
  v2('skip-server', 1, 'POST', '/servers/:serverId/skip', ({ made, note }) => ({
    serverId: made('/servers'),
    reason: note,
  })),
  v2('switch-sections', 1, 'POST', '/plans/:planId/switch', ({ made }) => ({ planId: made('/plans') })),
  v2('update-settings', 1, 'PATCH', '/settings', ({ note }) => ({ name: note })),
  v2('refresh-turns', 1, 'POST', '/turns/refresh', () => ({})),
  v2('add-device', 1, 'POST', '/devices', ({ note }) => ({ name: note })),
  v2('update-device', 1, 'PATCH', '/devices/:deviceId', ({ made, note }) => ({
    deviceId: made('/devices'),
    name: note,
  })),
  v2('revoke-device', 1, 'DELETE', '/devices/:deviceId', ({ made }) => ({ deviceId: made('/devices') })),
  v2('send-message', 1, 'POST', '/messages', ({ guest }) => ({ guestId: guest, template: 'table-ready' })),
  v2('retry-message', 1, 'POST', '/messages/:messageId/retry', ({ made }) => ({ messageId: made('/messages') })),
  v2('update-message-settings', 1, 'PATCH', '/message-settings', () => ({ hourlyLimit: 100 })),
  v2('set-message-template', 1, 'POST', '/message-templates', ({ note }) => ({
    template: 'table-ready',
    language: 'en',
    words: { subject: note, body: note },
  })),
]

export const cards: readonly Card[] = [
  v2('add-guest', 6, 'POST', '/guests', ({ note }) => ({ firstName: note, partySize: 2 })),
  v2('seat-guest', 6, 'POST', '/guests/:guestId/seat', ({ guest, table, spare, random }) => ({
    guestId: guest,
    tableId: table,
    ...(spare !== undefined && random() < 0.3 && { joinedTableIds: [spare] }),
  })),
  v2('move-guest', 2, 'POST', '/guests/:guestId/move', ({ guest, table }) => ({ guestId: guest, tableId: table })),
  v2('update-guest', 3, 'PATCH', '/guests/:guestId', ({ guest, note, random }) => ({
    guestId: guest,
    notes: note,
    ...(random() < 0.5 && { version: 1 + Math.floor(random() * 3) }),
  })),
  v2('set-guest-status', 2, 'POST', '/guests/:guestId/status', ({ guest, random }) => ({
    guestId: guest,
    status: oneOf(['finished', 'waitlist'], random),
  })),
  v2('quote-guest', 2, 'POST', '/guests/:guestId/quote', ({ guest, note }) => ({
    guestId: guest,
    from: 5,
    to: 15,
    reason: note,
  })),
  v2('notify-guest', 2, 'POST', '/guests/:guestId/notify', ({ guest }) => ({ guestId: guest, graceMinutes: 60 })),
  v2('guest-on-my-way', 1, 'POST', '/guests/:guestId/on-my-way', ({ guest }) => ({ guestId: guest })),
  v2('give-more-time', 1, 'POST', '/guests/:guestId/more-time', ({ guest }) => ({ guestId: guest, minutes: 1 })),
  v2('cancel-guest', 1, 'POST', '/guests/:guestId/cancel', ({ guest }) => ({ guestId: guest })),
  v2('delete-guest', 2, 'DELETE', '/guests/:guestId', ({ guest }) => ({ guestId: guest })),
  ipad(5, 'POST', '/guests', ({ note }) => ({ first_name: note, party_size: 3 })),
  ipad(4, 'PUT', '/guests/:guestId', ({ guest, table }) => ({ guestId: guest, table_id: table })),
  ipad(2, 'PUT', '/guests/:guestId', ({ guest, note }) => ({ guestId: guest, notes: note })),
  ipad(1, 'DELETE', '/guests/:guestId', ({ guest }) => ({ guestId: guest })),

  v2('clear-table', 3, 'POST', '/tables/:tableId/clear', ({ table }) => ({ tableId: table })),
  v2('update-table', 2, 'PATCH', '/tables/:tableId', ({ table, note }) => ({ tableId: table, section: note })),
  v2('arrange-tables', 1, 'POST', '/tables/arrange', ({ table, note, random }) => ({
    tables: [{ id: table, x: random(), section: note }, { number: shortly(note) }].filter(
      (each) => !('id' in each) || each.id !== undefined,
    ),
  })),
  v2('add-table', 1, 'POST', '/tables', ({ note }) => ({ number: shortly(note), capacity: 4, x: 0.5, y: 0.5 })),
  v2('hold-table', 1, 'POST', '/tables/:tableId/hold', ({ table, note }) => ({ tableId: table, reason: note })),
  v2('block-table', 1, 'POST', '/tables/:tableId/block', ({ table, note }) => ({ tableId: table, reason: note })),
  v2('release-table', 2, 'POST', '/tables/:tableId/release', ({ table }) => ({ tableId: table })),
  v2('mark-clean', 1, 'POST', '/tables/:tableId/clean', ({ table }) => ({ tableId: table })),
  v2('mark-check', 1, 'POST', '/tables/:tableId/check', ({ table, random }) => ({
    tableId: table,
    check: oneOf(['dropped', 'paid', 'none'], random),
  })),
  v2('remove-table', 1, 'DELETE', '/tables/:tableId', ({ spare }) => ({ tableId: spare })),
  ipad(3, 'PUT', '/tables/:tableId/clear', ({ table }) => ({ tableId: table })),
  ipad(1, 'PUT', '/tables/:tableId', ({ table, note }) => ({ tableId: table, section: note })),

  v2('add-reservation', 2, 'POST', '/reservations', ({ note }) => ({ guestName: note, partySize: 2 })),
  v2('update-reservation', 3, 'PATCH', '/reservations/:reservationId', ({ reservation, table, note, random }) => ({
    reservationId: reservation,
    ...oneOf([{ notes: note }, { tableId: table }, { status: 'arrived', tableId: table }], random),
  })),
  v2('cancel-reservation', 1, 'POST', '/reservations/:reservationId/cancel', ({ reservation }) => ({
    reservationId: reservation,
  })),
  ipad(1, 'POST', '/reservations', ({ note }) => ({ guest_name: note, party_size: 2 })),

  v2('run-batch', 2, 'POST', '/batch', (picked) => ({ operations: operations(picked) })),
  v2('run-each', 2, 'POST', '/each', (picked) => ({ operations: operations(picked) })),

  v2('add-person', 1, 'POST', '/people', ({ note }) => ({ firstName: note })),
  v2('update-person', 1, 'PATCH', '/people/:personId', ({ made, note }) => ({
    personId: made('/people'),
    notes: note,
  })),
  v2('link-party', 1, 'POST', '/people/:personId/parties', ({ made, guest }) => ({
    personId: made('/people'),
    partyId: guest,
  })),
  v2('unlink-party', 1, 'DELETE', '/people/:personId/parties/:partyId', ({ made, guest }) => ({
    personId: made('/people'),
    partyId: guest,
  })),
  v2('merge-people', 1, 'POST', '/people/:personId/merge', ({ made }) => ({
    personId: made('/people'),
    otherPersonId: made('/people'),
  })),
  v2('unmerge-people', 1, 'POST', '/people/:personId/unmerge', ({ made }) => ({ personId: made('/people') })),
  v2('make-guest-link', 1, 'POST', '/guest-links/:guestId', ({ guest }) => ({ guestId: guest })),
  v2('revoke-guest-link', 1, 'DELETE', '/guest-links/:guestId', ({ guest }) => ({ guestId: guest })),
  v2('expire-due', 1, 'POST', '/expire-due', () => ({})),

  ...setUp,

  v2('add-staff', 1, 'POST', '/staff', ({ note }) => ({
    email: `${note.slice(-36)}@cedar.example`,
    password: PASSWORD,
    role: 'host',
  })),
  v2('update-staff', 1, 'PATCH', '/staff/:staffId', ({ toRename, note }) => ({ staffId: toRename(), firstName: note })),
  v2('set-pin', 1, 'POST', '/staff/:staffId/pin', ({ staff }) => ({ staffId: staff, pin: null })),
  v2('end-sign-ins', 1, 'DELETE', '/staff/:staffId/sign-ins', ({ toSignOut }) => ({ staffId: toSignOut() })),
]

import type { QuickBug } from './quick.ts'

const locks = 'src/guests/lock-order.db.test.ts'

/** In the nouns: locks in another order, which repeats hide, and what a party or a table keeps. */
export const nounBugs: readonly QuickBug[] = [
  {
    name: 'a kind that is in no list',
    edits: [
      {
        file: 'src/floor/nouns.ts',
        from: '  reservationsOnFloor,\n  guestsOnFloor,\n] as const',
        to: '  guestsOnFloor,\n] as const',
      },
    ],
    test: 'test/architecture.test.ts',
    named: 'R6',
  },
  {
    name: 'a command that is in no list',
    edits: [{ file: 'src/floor/nouns.ts', from: '  cancelReservation,\n', to: '' }],
    test: 'test/architecture.test.ts',
    named: 'R6',
  },
  {
    name: 'of a guest and its table a conflict is about the table',
    edits: [{ file: 'src/native/explain-conflict.ts', from: 'of nouns.toReversed()', to: 'of nouns' }],
    test: 'src/native/explain-conflict.db.test.ts',
    named: 'N7',
  },
  {
    name: 'an input keeps the order in which a door named its fields',
    edits: [
      {
        file: 'src/changes/input.ts',
        from: '  for (const name in shape) {',
        to: '  for (const name in { ...values, ...shape }) {',
      },
    ],
    test: 'src/changes/input.test.ts',
    named: 'L5',
  },
  {
    name: 'a field that no schema has is lost in silence',
    edits: [
      {
        file: 'src/changes/input.ts',
        from: '  for (const name in values) assert(Object.hasOwn(shape, name), `no field is called ${name}`)\n',
        to: '',
      },
    ],
    test: 'src/changes/input.test.ts',
    named: 'R6',
  },
  {
    name: 'a guest is locked before its tables',
    edits: [
      {
        file: 'src/guests/seating.ts',
        from: '    lockTables(w, wanted, [guestId]),\n    serverId',
        to: '    lockGuests(w, [guestId]),\n    lockTables(w, wanted, [guestId]),\n    serverId',
      },
    ],
    test: locks,
    named: 'L18: seating',
  },
  {
    name: 'a batch locks guests before tables',
    edits: [
      {
        file: 'src/floor/run-batch.ts',
        from: "  const tables = await lockTables(w, named('tableId'), wanted)",
        to: "  await lockGuests(w, wanted)\n  const tables = await lockTables(w, named('tableId'), wanted)",
      },
    ],
    test: locks,
    named: 'L18: a reservation is locked',
  },
  {
    name: 'a batch locks guests before reservations',
    edits: [
      {
        file: 'src/floor/run-batch.ts',
        from: '  await lockReservations(w, parties)\n  await lockGuests(w, parties)',
        to: '  await lockGuests(w, parties)\n  await lockReservations(w, parties)',
      },
    ],
    test: locks,
    named: 'L18: a reservation is locked',
  },
  {
    name: 'a reservation is locked before its tables',
    edits: [
      {
        file: 'src/reservations/update-reservation.ts',
        from: '  await lockTables(w, wanted, [id])\n  await lockReservation(w, id)',
        to: '  await lockReservation(w, id)\n  await lockTables(w, wanted, [id])',
      },
    ],
    test: locks,
    named: 'L18: a reservation is locked',
  },
  {
    name: 'guests are locked from the last to the first',
    edits: [
      {
        file: 'src/guests/guests.ts',
        from: 'id = any ($2::uuid[]) order by id for update',
        to: 'id = any ($2::uuid[]) order by id desc for update',
      },
    ],
    test: locks,
    named: 'L18: of one kind',
  },
  {
    name: 'reservations are locked from the last to the first',
    edits: [
      {
        file: 'src/reservations/reservations.ts',
        from: 'id = any ($2::uuid[]) order by id for update',
        to: 'id = any ($2::uuid[]) order by id desc for update',
      },
    ],
    test: locks,
    named: 'L18: of one kind',
  },
  {
    name: 'a party that loses its table keeps the time of its seating',
    edits: [
      {
        file: 'src/parties/tables/rules.ts',
        from: 'serverId: null, seatedTime: null, endedAt: null }',
        to: 'serverId: null, endedAt: null }',
      },
    ],
    test: 'src/guests/races.db.test.ts',
    named: 'G7',
  },
  {
    name: 'the same status again sets its time anew',
    edits: [
      {
        file: 'src/parties/rules.ts',
        from: 'status === wanted && before?.status !== wanted',
        to: 'status === wanted',
      },
    ],
    test: 'src/guests/guests.db.test.ts',
    named: 'G9',
  },
  {
    name: 'a reservation that is over keeps its table',
    edits: [
      {
        file: 'src/reservations/rules.ts',
        from: 'const ends = change.status !== undefined && isOver(status)',
        to: 'const ends = false',
      },
    ],
    test: 'src/reservations/reservations.db.test.ts',
    named: 'V5: an ended reservation',
  },
  {
    name: 'a guest with a reservation that is still to come is deleted',
    edits: [
      {
        file: 'src/reservations/rules.ts',
        from: "['waitlist', 'arrived', 'seated']",
        to: "['seated']",
      },
    ],
    test: 'src/reservations/reservations.db.test.ts',
    named: 'V7',
  },
  {
    name: 'the server refuses a move by a check of its own, before the rules',
    edits: [
      {
        file: 'src/guests/move-guest.ts',
        from: "import { idField, versionField } from '../platform/fields.ts'",
        to: "import { AppError } from '../platform/errors.ts'\nimport { idField, versionField } from '../platform/fields.ts'",
      },
      {
        file: 'src/guests/move-guest.ts',
        from: '    await apply(w, decideMoveGuest',
        to: "    if (!w.locked.of<Guest>('guest', input.guestId)?.tableId) throw new AppError('guest-not-seated', 409, '')\n    await apply(w, decideMoveGuest",
      },
    ],
    test: 'client/optimistic.db.test.ts',
    named: 'D10: of every combination',
  },
]

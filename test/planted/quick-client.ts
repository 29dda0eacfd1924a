import type { QuickBug } from './quick.ts'

const reopened = 'client/reopen.test.ts'

/** In `client`: what a restart, a sign-out or a new snapshot leaves behind. */
export const clientBugs: readonly QuickBug[] = [
  {
    name: 'after a restart the first mutation is stored over the last one',
    edits: [{ file: 'client/queue.ts', from: 'Number(key.slice(-12)) + 1)', to: 'Number(key.slice(-12)))' }],
    test: reopened,
    named: 'D7: what is added after a restart',
  },
  {
    name: 'after a restart the queue is in no order',
    edits: [{ file: 'client/queue.ts', from: '(a < b ? -1 : 1))) {', to: '(a < b ? 1 : -1))) {' }],
    test: reopened,
    named: 'D7: what is added after a restart',
  },
  {
    name: 'what is done is sent again after a restart',
    edits: [
      {
        file: 'client/queue.ts',
        from: 'isSent: isUnsure, place })',
        to: 'isSent: isUnsure, place: place && null })',
      },
    ],
    test: reopened,
    named: 'D7: what is done is kept',
  },
  {
    name: 'conflicts are gone after a restart',
    edits: [
      {
        file: 'client/queue.ts',
        from: 'key.startsWith(`${deps.prefix}conflict/`)',
        to: 'key.startsWith(`${deps.prefix}conflicts/`)',
      },
    ],
    test: reopened,
    named: 'D8',
  },
  {
    name: 'what is done leaves the queue before the state that has it is stored',
    edits: [
      {
        file: 'client/saver.ts',
        from: 'const landed = value && this.#queue.landedBy(value)\n',
        to: 'const landed = value && this.#queue.landedBy(value)\n    landed?.done()\n',
      },
    ],
    test: reopened,
    named: 'D7: what is done is kept',
  },
  {
    name: 'a state that could not be stored is not stored later',
    edits: [{ file: 'client/saver.ts', from: '      if (isTouched) this.touch()\n', to: '' }],
    test: reopened,
    named: 'D7: what is done is kept',
  },
  {
    name: 'a queue that was paused goes on sending',
    edits: [{ file: 'client/queue.ts', from: 'while (this.#isRunning) {', to: 'while (this.#isDraining) {' }],
    test: reopened,
    named: 'D6, D7: after a pause',
  },
  {
    name: 'what is being sent leaves the queue when its change is seen',
    edits: [{ file: 'client/queue.ts', from: 'each !== this.#sending && each.place', to: 'each.place' }],
    test: reopened,
    named: 'D6: a change that is heard before',
  },
  {
    name: 'a snapshot does not bring its horizon',
    edits: [
      {
        file: 'client/state.ts',
        from: '    this.horizon = horizon\n    for (const entity of entities)',
        to: '    for (const entity of entities)',
      },
    ],
    test: reopened,
    named: 'D2: a new snapshot',
  },
  {
    name: 'sums are made anew of a state that a snapshot has replaced',
    edits: [{ file: 'client/state.ts', from: '    this.#recheck = null\n', to: '' }],
    test: reopened,
    named: 'D2: of the state before',
  },
  {
    name: 'a horizon that is earlier than the last is taken',
    edits: [{ file: 'client/state.ts', from: '    if (horizon < this.horizon) return false\n', to: '' }],
    test: reopened,
    named: 'D2: a new snapshot',
  },
  {
    name: 'the client foresees an id in use before the table that is wanted',
    edits: [
      {
        file: 'client/reduce.ts',
        from: '    const guest = newGuest(id, made, now)\n',
        to: "    const guest = newGuest(id, made, now)\n    if (view.get('guest', id)) throw new Unlikely('id-taken')\n",
      },
    ],
    test: 'client/reduce-guests.test.ts',
    named: 'D10: of several refusals',
  },
  {
    name: 'the client foresees a number in use before the party that is named',
    edits: [
      {
        file: 'client/reduce.ts',
        from: 'shows: (view, input, { now }) => decideUpdateTable(view, input, now),',
        to: "shows: (view, input, { now }) => {\n    refuseNumber(view, { ...view.get('table', input.tableId)!, ...input, status: 'available' })\n    return decideUpdateTable(view, input, now)\n  },",
      },
    ],
    test: 'client/reduce-tables.test.ts',
    named: 'D10: an edit of a table',
  },
]

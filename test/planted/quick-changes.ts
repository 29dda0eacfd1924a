import type { QuickBug } from './quick.ts'

const hub = 'src/changes/hub/hub.ts'
const orders = 'src/changes/hub/hub-orders.db.test.ts'

/** In `src/changes`: guards that only a rare order of events needs, horizons, what a commit says of itself. */
export const changesBugs: readonly QuickBug[] = [
  {
    name: 'the hub takes a lower head of the same epoch',
    edits: [{ file: hub, from: 'head.seq < before.seq) this.#ranBack', to: 'head.seq < 0) this.#ranBack' }],
    test: orders,
    named: 'L4, F2: a log that ends earlier',
  },
  {
    name: 'the hub compares a head with what came after it was asked for',
    edits: [{ file: hub, from: 'head.seq < before.seq) this.#ranBack', to: 'head.seq < room.at.seq) this.#ranBack' }],
    test: orders,
    named: 'L4: what was delivered while the heads were asked for',
  },
  {
    name: 'what commits while a listener begins waits for the next change',
    edits: [{ file: hub, from: '      room.at = head\n      this.#drain(room)', to: '      room.at = head' }],
    test: orders,
    named: 'L4: what commits while a new listener',
  },
  {
    name: 'a doubt is ended by a question that was asked before it',
    edits: [{ file: hub, from: 'if (wasInDoubt && room', to: 'if (room' }],
    test: orders,
    named: 'L4: a question that was asked before',
  },
  {
    name: 'a process that is alone asks of a doubt once and then seldom',
    edits: [{ file: hub, from: ' || isAnyInDoubt(this.#rooms.values())) void this.poll()', to: ') void this.poll()' }],
    test: orders,
    named: 'L4: a doubt that the database did not end',
  },
  {
    name: 'a floor is opened in an epoch that its hub has no word of',
    edits: [
      {
        file: 'src/changes/floor/live-floor.ts',
        from: 'if (hub.awaits(this.restaurantId, floor.standing.epoch, 0)) await hub',
        to: 'if (this.#closed) await hub',
      },
    ],
    test: 'src/changes/floor/live-floors.db.test.ts',
    named: 'L20: a floor that is opened in a new epoch',
  },
  {
    name: 'word of another epoch is not looked into',
    edits: [
      {
        file: hub,
        from: 'if (room.at.epoch !== epoch) void this.#compare([room])\n    else',
        to: 'if (room.at.epoch !== epoch) return\n    else',
      },
    ],
    test: orders,
    named: 'L4, F2: word of another epoch',
  },
  {
    name: 'what is on its way is not the newest that a process knows',
    edits: [
      {
        file: hub,
        from: 'return room.behind ? { epoch: room.at.epoch, seq: room.behind.seq } : room.at',
        to: 'return room.at',
      },
    ],
    test: orders,
    named: 'L4, H1: word of a change',
  },
  {
    name: 'changes of a log that ended are delivered in the next one',
    edits: [{ file: hub, from: '          if (change.epoch !== room.at!.epoch) return\n', to: '' }],
    test: orders,
    named: 'L4, F2: what was being read',
  },
  {
    name: 'whoever asks where a log ends is given an answer that was under way',
    edits: [
      {
        file: 'src/changes/answers/heads.ts',
        from: '      this.#next = null\n      this.#underWay++',
        to: '      this.#underWay++',
      },
      {
        file: 'src/changes/answers/heads.ts',
        from: '        this.#underWay--\n',
        to: '        this.#underWay--\n        this.#next = null\n',
      },
    ],
    test: 'src/changes/answers/heads.db.test.ts',
    named: 'K1: who asks while',
  },
  {
    name: "a mutation's fingerprint leaves out the command",
    edits: [
      {
        file: 'src/changes/command/mutations.ts',
        from: '`${command}\\n${JSON.stringify(input)}`',
        to: 'JSON.stringify(input)',
      },
    ],
    test: 'src/changes/command/command.db.test.ts',
    named: 'L5: the same id with another command',
  },
  {
    name: 'what a part that failed had locked and changed is still held',
    edits: [{ file: 'src/changes/command/execute.ts', from: '      this.locked = locked\n', to: '' }],
    test: 'src/changes/command/execute.db.test.ts',
    named: 'B2: of a part that failed',
  },
  {
    name: 'what ended at the horizon is let go an hour early',
    edits: [
      {
        file: 'src/changes/floor/floor.ts',
        from: 'endedAt >= horizon) continue',
        to: 'endedAt > horizon) continue',
      },
    ],
    test: 'src/changes/floor/floor.test.ts',
    named: 'F1, D1: what ended at the horizon',
  },
  {
    name: 'a change that ended at the horizon is not put on the floor',
    edits: [
      {
        file: 'src/changes/floor/floor.ts',
        from: 'endedAt < this.#standing.horizon) return',
        to: 'endedAt <= this.#standing.horizon) return',
      },
    ],
    test: 'src/changes/floor/floor.test.ts',
    named: 'F1, D1: what ended at the horizon',
  },
  {
    name: "the cutoff of the log goes by a server's own clock",
    edits: [
      { file: 'src/changes/housekeeping/retention.ts', from: 'least($1::timestamptz, now())', to: '$1::timestamptz' },
    ],
    test: 'src/changes/housekeeping/retention.db.test.ts',
    named: 'L11: a server whose clock runs ahead',
  },
  {
    name: 'a gap at the end of what was missed is not noticed',
    edits: [{ file: 'src/changes/log/since.ts', from: 'rows.length === due && rows', to: 'rows' }],
    test: 'src/changes/log/since.db.test.ts',
    named: 'L9: an answer that would lack',
  },
  {
    name: 'a field is added and nothing says what becomes of stored entities',
    edits: [
      {
        file: 'src/guests/fields.ts',
        from: '  notes: fact(nullable(text(limits.noteCharacters)), null),\n',
        to: '  notes: fact(nullable(text(limits.noteCharacters)), null),\n  kitchenNotes: fact(nullable(text(200)), null),\n',
      },
    ],
    test: 'src/changes/log/upgrades.test.ts',
    named: 'L22: the upgrades lead from',
  },
  {
    name: 'an older program appends to a log of a newer version',
    edits: [
      { file: 'src/changes/log/log.ts', from: 'version > $8 then refuse_outdated()', to: 'seq < 0 then $8::bigint' },
    ],
    test: 'src/changes/housekeeping/upgrade-logs.db.test.ts',
    named: 'L23: nothing is appended',
  },
  {
    name: 'an older program reads what a newer one stored',
    edits: [{ file: 'src/changes/log/log.ts', from: 'if (version > LOG_VERSION) throw', to: 'if (version < 0) throw' }],
    test: 'src/changes/housekeeping/upgrade-logs.db.test.ts',
    named: 'L23: nothing is read',
  },
]

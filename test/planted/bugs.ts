import { accountBugs } from './accounts.ts'
import {
  newEpoch,
  nothingEarly,
  ownWrites,
  refreshes,
  refusals,
  repeats,
  shutOut,
  storm,
  strangers,
  tableRaces,
  versionRaces,
  type Checker,
} from './checkers.ts'
import type { Edit } from './plant.ts'

/** Bugs that somebody could make, and what finds them. */
export interface Bug {
  readonly name: string
  readonly edits: readonly Edit[]
  /** What holds in the database against such bugs, and is taken away so that the code alone decides. Without it the bug would be refused, not seen. */
  readonly sql?: string
  /** Where it takes two servers to be seen. */
  readonly servers?: 2
  readonly checker: Checker
  /** In what the checker says. */
  readonly finds: RegExp
}

const WITHOUT_PAIRS = `
  alter table qtable.guests drop constraint guests_pair;
  alter table qtable.tables drop constraint tables_pair;
  alter table qtable.guests drop constraint guests_table_key;
  drop index qtable.tables_guest_key`

export const bugs: readonly Bug[] = [
  {
    name: 'the head of the log is read without its lock',
    edits: [
      {
        file: 'changes/log/log.ts',
        from: `with head as (
     update heads set seq = case when version > $8 then refuse_outdated() else seq + 1 end,
       last_at = greatest($2::timestamptz, last_at + interval '1 microsecond')
     where restaurant_id = $1 returning epoch, seq, last_at)`,
        to: `with head as (
     select epoch, (select coalesce(max(seq), 0) + 1 from changes where restaurant_id = $1) as seq,
       greatest($2::timestamptz, last_at + interval '1 microsecond') as last_at from heads where restaurant_id = $1),
   moved as (update heads set seq = head.seq, last_at = head.last_at from head where restaurant_id = $1)`,
      },
    ],
    sql: 'alter table qtable.changes drop constraint changes_pkey',
    checker: storm,
    finds: /the head and its log|answered 500/,
  },
  {
    name: "a change has its command's time, not the log's",
    edits: [
      {
        file: 'changes/log/log.ts',
        from: `last_at = greatest($2::timestamptz, last_at + interval '1 microsecond')`,
        to: `last_at = $2::timestamptz`,
      },
    ],
    checker: storm,
    finds: /the head and its log/,
  },
  {
    name: 'changes are told before they are committed',
    edits: [
      {
        file: 'changes/command/execute.ts',
        from: 'return (tx) => finish(tx, write!, c, context, names, made)',
        to: `return async (tx) => {
        const early = await finish(tx, write!, c, context, names, made)
        if (early) deps.publish(early)
        return early
      }`,
      },
      {
        file: 'platform/database/db.ts',
        from: 'await Promise.allSettled([last ? last(tx) : null, tx.commit()])',
        to: 'await Promise.allSettled([last ? await last(tx) : null, tx.commit()])',
      },
    ],
    checker: nothingEarly,
    finds: /when the change was told/,
  },
  {
    name: 'a deletion is not put into the change',
    edits: [
      {
        file: 'guests/guests.ts',
        from: `w.drop('guest', guest.id, 'deleted' satisfies GuestEvent, guest.version)`,
        to: '',
      },
    ],
    checker: storm,
    finds: /the tables, and what the log makes|after change|version of/,
  },
  {
    name: 'the version that the user saw is not looked at',
    edits: [
      {
        file: 'guests/rules.ts',
        from: 'if (version !== undefined && version !== guest.version)',
        to: 'if (version === -1)',
      },
    ],
    checker: versionRaces,
    finds: /edits of one version/,
  },
  {
    name: 'tables are not locked',
    edits: [{ file: 'tables/tables.ts', from: '   order by id for update`', to: 'order by id`' }],
    sql: WITHOUT_PAIRS,
    checker: tableRaces,
    finds: /winners of a race for a table/,
  },
  {
    name: "a mutation's answer is stored after the commit",
    edits: [
      {
        file: 'changes/command/execute.ts',
        from: '...names.map(({ id }) => settleMutation(tx, w.restaurantId, id, outcomeOf(made), appends)),',
        to: 'null,',
      },
      {
        file: 'changes/command/execute.ts',
        from: 'if (change) deps.publish(change)',
        to: `if (change) deps.publish(change)
  if (context.mutationId !== undefined && ran.kind !== 'repeated')
    await deps.db.transaction({ restaurantId: context.restaurantId }, (tx) =>
      settleMutation(tx, context.restaurantId, context.mutationId!, outcomeOf(ran), change !== null))`,
      },
    ],
    checker: repeats,
    finds: /repeat of/,
  },
  {
    name: 'a refusal is not remembered',
    edits: [
      {
        file: 'changes/command/execute.ts',
        from: `if (error instanceof AppError && error.status < 500) return { kind: 'refused', refusal: error }`,
        to: '',
      },
    ],
    checker: refusals,
    finds: /whose reason is gone/,
  },
  {
    name: 'another request is answered by the key alone',
    edits: [
      { file: 'changes/command/mutations.ts', from: 'row.fingerprint !== fingerprint', to: `row.fingerprint === ''` },
    ],
    checker: repeats,
    finds: /another request with the key/,
  },
  {
    name: 'the hub delivers what comes, whatever is missing',
    edits: [
      {
        file: 'changes/hub/hub.ts',
        from: 'if (!room.at) return\n    this.#drain(room)',
        to: 'if (!room.at) return\n    room.early.delete(change.seq)\n    return this.#deliver(room, change)',
      },
    ],
    servers: 2,
    checker: storm,
    finds: /devices at the end of the log|the hash of a device|what a device holds/,
  },
  {
    name: 'the hub trusts that it is told everything',
    edits: [
      {
        file: 'changes/hub/hub.ts',
        from: 'if (++this.#ticks % seldom === 0 || isAnyInDoubt(this.#rooms.values())) void this.poll()',
        to: 'if (++this.#ticks < seldom - seldom || this.#ticks < 0) void this.poll()',
      },
    ],
    servers: 2,
    checker: storm,
    finds: /devices at the end of the log/,
  },
  {
    name: 'a new epoch is not noticed',
    edits: [
      {
        file: 'changes/hub/hub.ts',
        from: 'if (head.epoch !== before.epoch) this.#reset(room, head)',
        to: 'if (head.seq < 0) this.#reset(room, head)',
      },
    ],
    checker: newEpoch,
    finds: /devices at the end of the log/,
  },
  {
    name: 'a device goes on one change too far',
    edits: [{ file: 'native/stream/stream-device.ts', from: 'this.#seq = since', to: 'this.#seq = since + 1' }],
    checker: storm,
    finds: /devices at the end of the log/,
  },
  {
    name: 'a device is sent its last change again',
    edits: [{ file: 'native/stream/stream-device.ts', from: 'this.#seq = since', to: 'this.#seq = since - 1' }],
    checker: storm,
    finds: /devices at the end of the log/,
  },
  {
    name: 'the hash of the floor leaves deletions out',
    edits: [
      {
        file: 'changes/floor/floor.ts',
        from: '        this.#touch(key)\n        this.#drop(key)\n      }\n    }\n    this.#standing',
        to: '        this.#touch(key)\n        const sum = this.#sum\n        this.#drop(key)\n        this.#sum = sum\n      }\n    }\n    this.#standing',
      },
    ],
    checker: storm,
    finds: /hash/,
  },
  {
    name: 'the floor in memory keeps what was deleted',
    edits: [
      {
        file: 'changes/floor/floor.ts',
        from: '        this.#touch(key)\n        this.#drop(key)\n      }\n    }\n    this.#standing',
        to: '        this.#touch(key)\n      }\n    }\n    this.#standing',
      },
    ],
    checker: storm,
    finds: /hash|what a device holds/,
  },
  {
    name: 'Min-Seq is not waited for',
    edits: [{ file: 'native/floor-reads.ts', from: 'if (minSeq !== null) await live.reach(minSeq)', to: '' }],
    servers: 2,
    checker: ownWrites,
    finds: /with Min-Seq/,
  },
  {
    name: 'a list forgets whose it is, and so do the walls',
    edits: [
      {
        file: 'guests/guests.ts',
        from: `where restaurant_id = $1 and case when ended_at is null then 'infinity' else ended_at end > $2`,
        to: `where $1::uuid is not null and case when ended_at is null then 'infinity' else ended_at end > $2`,
      },
    ],
    sql: 'alter table qtable.guests disable row level security',
    checker: strangers,
    finds: /of another restaurant/,
  },
  {
    name: 'a socket outlives the account that opened it',
    edits: [
      {
        file: 'staff/access/access-review.ts',
        from: 'where s.id = any (array(select distinct unnest($1::uuid[]))) and s.is_active',
        to: 'where s.id = any (array(select distinct unnest($1::uuid[])))',
      },
    ],
    checker: shutOut,
    finds: /deactivated account/,
  },
  {
    name: 'a used-up refresh token is good for ever',
    edits: [
      {
        file: 'staff/sign-ins/refresh-sign-in.ts',
        from: 'hash.equals(previousHash) && previousRepeats < limits.refreshRepeats',
        to: 'hash.equals(previousHash)',
      },
    ],
    checker: refreshes,
    finds: /uses of one refresh token/,
  },
  {
    name: 'a changed reservation is told and not stored',
    edits: [
      {
        file: 'reservations/reservations.ts',
        from: 'w.tx.send(update, row(w, reservation))',
        to: "if (w.restaurantId === '') w.tx.send(update, row(w, reservation))",
      },
    ],
    checker: storm,
    finds: /version \d+ of reservation|the tables, and what the log makes of them|answered 500/,
  },
  ...accountBugs,
]

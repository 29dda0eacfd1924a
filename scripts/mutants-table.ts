import { posix } from 'node:path'

/** What `npm run mutants` mutates, folder by folder: each source file with the tests that cover it. */

export interface Target {
  readonly file: string
  readonly tests: readonly string[]
}

const targets = (folder: string, tests: readonly string[], files: readonly string[]): Target[] =>
  files.map((file) => ({ file: posix.join(folder, file), tests: tests.map((each) => posix.join(folder, each)) }))

const REDUCING = ['floor.test.ts', 'reduce-guests.test.ts', 'reduce-tables.test.ts']

export const folders: Readonly<Record<string, readonly Target[]>> = {
  /** Only what needs neither a network nor a browser. */
  client: [
    ...targets(
      'client',
      ['pure.test.ts', 'state.test.ts'],
      ['backoff.ts', 'connection.ts', 'hash.ts', 'mutations.ts', 'state.ts'],
    ),
    { file: 'src/changes/floor/canonical.ts', tests: ['client/pure.test.ts', 'client/state.test.ts'] },
    ...targets('client', ['commands.test.ts'], ['commands.ts']),
    ...targets('client', ['words.test.ts'], ['words.ts', 'request.ts']),
    ...targets('client', ['session.test.ts', 'session-edges.test.ts'], ['session.ts']),
    ...targets('client', ['storage.test.ts', 'storage-faults.test.ts'], ['storage-file.ts', 'storage.ts']),
    ...targets('client', ['queue.test.ts', 'withdraw.test.ts'], ['queue.ts']),
    ...targets('client', ['saver.test.ts', 'told.test.ts'], ['saver.ts', 'send-mutation.ts']),
    ...targets('client', ['stream.test.ts', 'stream-life.test.ts', 'awake.test.ts'], ['stream.ts']),
    ...targets('client', ['awake.test.ts'], ['attention.ts']),
    ...targets('client', ['told.test.ts'], ['changes.ts', 'server-clock.ts']),
    ...targets('client', ['read.test.ts'], ['read.ts']),
    ...targets('client', ['shown.test.ts'], ['party.ts']),
    ...targets(
      'client',
      ['client.test.ts', 'awake.test.ts', 'told.test.ts', 'withdraw.test.ts', 'read.test.ts'],
      ['client.ts', 'methods.ts', 'parts.ts'],
    ),
    ...targets('client', ['floor.test.ts', 'shown.test.ts'], ['floor.ts', 'optimistic.ts', 'view.ts']),
    ...targets('client', REDUCING, ['reduce.ts']),
  ],
  // The tests of what the client shows run the rules too.
  rules: ['tables', 'parties', 'reservations', 'guests', 'floor'].map((noun) => ({
    file: `src/${noun}/rules.ts`,
    tests: [`src/${noun}/rules.test.ts`, ...REDUCING.map((test) => `client/${test}`)],
  })),
  changes: [
    // Without a database, so that a mutant costs a second at most.
    ...targets('src/changes/floor', ['floor.test.ts'], ['floor.ts']),
    ...targets('src/changes/floor', ['recent.test.ts'], ['recent.ts']),
    ...targets('src/changes/housekeeping', ['housekeeping.test.ts'], ['housekeeping.ts']),
    ...targets('src/changes/hub', ['room.test.ts'], ['room.ts']),
    ...targets('src/native/stream', ['catch-up.test.ts'], ['catch-up.ts']),
    ...targets('src/changes/command', ['told.test.ts'], ['told.ts', 'locked-rows.ts']),
    ...targets('src/sockets', ['ws-frame.test.ts'], ['ws-frame.ts']),
    ...targets('src/sockets', ['session-ends.test.ts'], ['handshake.ts']),
    ...targets('src/sockets', ['socket-door.test.ts'], ['socket-door.ts']),
    ...targets(
      'src/sockets',
      ['session-ends.test.ts', 'session.test.ts', 'outbox.test.ts'],
      ['session.ts', 'outbox.ts'],
    ),
    ...targets('src/changes', ['commits.test.ts'], ['commits.ts']),
    ...targets('src/changes', ['tracked.test.ts'], ['tracked.ts']),
    ...targets('src/changes/answers', ['answer-store.test.ts'], ['answer-store.ts', 'etag.ts']),
    ...targets('src/native/stream', ['protocol.test.ts'], ['protocol.ts']),
    ...targets('src/native/stream', ['device-states.test.ts'], ['device-states.ts']),
    // On a database, without the application.
    ...targets('src/changes/hub', ['hub-orders.db.test.ts', 'hub-anew.db.test.ts', 'hub-gaps.db.test.ts'], ['hub.ts']),
    ...targets('src/changes/log', ['since.db.test.ts'], ['since.ts']),
    ...targets('src/changes/command', ['execute.db.test.ts', 'remembered.db.test.ts'], ['command.ts', 'execute.ts']),
    ...targets('src/changes/log', ['../command/execute.db.test.ts', '../command/remembered.db.test.ts'], ['log.ts']),
    ...targets('src/changes/command', ['mutations.test.ts', 'remembered.db.test.ts'], ['mutations.ts']),
    ...targets('src/changes/log', ['../command/execute.db.test.ts'], ['find-change.ts']),
    ...targets('src/changes', ['command/execute.db.test.ts'], ['input.ts']),
    ...targets('src/changes/command', ['execute.db.test.ts'], ['fresh-id.ts']),
    ...targets('src/changes/floor', ['live-floor.db.test.ts'], ['live-floor.ts']),
    ...targets('src/changes/floor', ['live-floors.db.test.ts'], ['live-floors.ts']),
    ...targets('src/changes/hub', ['hints.db.test.ts'], ['hints.ts']),
    ...targets('src/changes/log', ['delta.db.test.ts'], ['delta.ts']),
    ...targets('src/changes', ['query.db.test.ts'], ['query.ts', 'cursor.ts']),
    ...targets('src/changes/answers', ['answers.db.test.ts'], ['answers.ts']),
    ...targets('src/changes/answers', ['heads.db.test.ts'], ['heads.ts']),
    ...targets('src/changes/housekeeping', ['owner-step.db.test.ts'], ['owner-step.ts']),
    ...targets('src/changes/housekeeping', ['retention.db.test.ts', 'retention-at-once.db.test.ts'], ['retention.ts']),
    ...targets('src/changes/housekeeping', ['lineage.db.test.ts'], ['lineage.ts']),
  ],
  native: [
    ...targets('src/native/stream', ['stream-room.db.test.ts'], ['stream-room.ts']),
    ...targets('src/native/stream', ['stream-device.db.test.ts', 'stream-orders.db.test.ts'], ['stream-device.ts']),
    ...targets('src/native/stream', ['stream-all.db.test.ts', 'stream-orders.db.test.ts'], ['stream.ts']),
    ...targets('src/native', ['door.db.test.ts'], ['door.ts', 'answer-query.ts', 'floor-reads.ts', 'route.ts']),
    ...targets('src/native', ['request-input.test.ts'], ['request-input.ts']),
    ...targets('src/native', ['problem.test.ts'], ['problem.ts']),
    ...targets('src/native', ['explain-conflict.db.test.ts'], ['explain-conflict.ts']),
    ...targets('src/native', ['sign-ins.db.test.ts'], ['sign-ins.ts']),
  ],
  staff: [
    ...targets('src/staff/access', ['identify.db.test.ts'], ['identify.ts']),
    ...targets('src/staff/sign-ins', ['sign-in-attempts.db.test.ts'], ['sign-in-attempts.ts']),
    ...targets('src/staff/sign-ins', ['sign-in-crowd.test.ts'], ['sign-in-crowd.ts']),
    ...targets('src/staff/access', ['access-orders.db.test.ts'], ['access-review.ts']),
    ...targets('src/staff/access', ['access.test.ts'], ['access.ts']),
    ...targets('src/staff/access', ['../../native/stream/stream-orders.db.test.ts'], ['admission.ts']),
    ...targets('src/staff/sign-ins', ['known-devices.test.ts'], ['known-devices.ts']),
    ...targets('src/staff/sign-ins', ['refresh-tokens.test.ts'], ['refresh-tokens.ts']),
    ...targets(
      'src/staff/sign-ins',
      ['sign-in-parts.db.test.ts'],
      ['sign-ins.ts', 'refresh-sign-in.ts', 'start-sign-in.ts', 'end-sign-in.ts', 'forget-sign-ins.ts'],
    ),
    ...targets('src/staff/sign-ins', ['sign-in.db.test.ts'], ['sign-in.ts']),
    ...targets(
      'src/staff',
      ['staff-parts.db.test.ts'],
      [
        'members.ts',
        'update-staff.ts',
        'add-staff.ts',
        'end-sign-ins.ts',
        'prove-password.ts',
        'list-staff.ts',
        'name-staff.ts',
        'first-owner.ts',
        'register-restaurant.ts',
      ],
    ),
    ...targets('src/staff', ['staff-parts.db.test.ts', 'sign-ins/sign-in.db.test.ts'], ['staff.ts']),
  ],
}

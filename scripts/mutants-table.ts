/** What `npm run mutants` mutates, folder by folder: each source file with the tests that cover it. */

export interface Target {
  readonly file: string
  readonly tests: readonly string[]
}

const targets = (folder: string, tests: readonly string[], files: readonly string[]): Target[] =>
  files.map((file) => ({ file: `${folder}/${file}`, tests: tests.map((each) => `${folder}/${each}`) }))

export const folders: Readonly<Record<string, readonly Target[]>> = {
  /** Only what needs neither a network nor a browser. */
  client: [
    ...targets('client', ['pure.test.ts'], ['backoff.ts', 'connection.ts', 'hash.ts', 'mutations.ts', 'state.ts']),
    ...targets('client', ['pure.test.ts', 'words.test.ts'], ['canonical.ts', 'commands.ts', 'words.ts', 'request.ts']),
    ...targets('client', ['session.test.ts'], ['session.ts']),
    ...targets('client', ['storage.test.ts'], ['storage-file.ts', 'storage.ts']),
    ...targets('client', ['queue.test.ts'], ['queue.ts']),
    ...targets('client', ['saver.test.ts'], ['saver.ts', 'send-mutation.ts']),
    ...targets('client', ['reduce.test.ts'], ['floor.ts', 'optimistic.ts', 'view.ts']),
    ...targets('client', ['reduce.test.ts'], ['reduce-guests.ts', 'reduce-reservations.ts', 'reduce-tables.ts']),
  ],
  rules: [
    ...targets('src/parties', ['rules.test.ts'], ['rules.ts']),
    ...targets('src/tables', ['rules.test.ts'], ['rules.ts']),
  ],
}

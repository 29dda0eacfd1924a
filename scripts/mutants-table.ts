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
    ...targets('client', ['pure.test.ts'], ['backoff.ts', 'canonical.ts', 'commands.ts', 'connection.ts', 'hash.ts']),
    ...targets('client', ['pure.test.ts'], ['mutations.ts', 'state.ts']),
    ...targets('client', ['session.test.ts'], ['session.ts']),
    ...targets('client', ['storage.test.ts'], ['saver.ts', 'storage-file.ts']),
    ...targets('client', ['optimistic.db.test.ts'], ['optimistic.ts', 'queue.ts', 'view.ts', 'floor.ts']),
    ...targets('client', ['optimistic.db.test.ts'], ['reduce-guests.ts', 'reduce-reservations.ts', 'reduce-tables.ts']),
  ],
  rules: [
    ...targets('src/parties', ['rules.test.ts'], ['rules.ts']),
    { file: 'src/tables/rules.ts', tests: ['src/parties/rules.test.ts'] },
  ],
}

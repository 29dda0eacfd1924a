import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { upTo } from '../patience.ts'
import type { Edit } from './plant.ts'
import { edited } from './quick.ts'

/** Mistakes that must not compile, all planted in one copy: one run of the compiler finds them, each where it was made. */

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Mistake extends Edit {
  readonly name: string
  /** Where the compiler must complain, when it is not the edited file. */
  readonly at?: string
  /** What it must name. */
  readonly says: string
}

const mistakes: readonly Mistake[] = [
  {
    name: 'a kind on the floor that no batch can lock',
    file: 'src/guests/guests.ts',
    from: '  lock: (w, ids) => lockGuests(w, ids),\n',
    to: '',
    says: "'lock' is missing",
  },
  {
    name: 'a command that does not say whether it may stand in a batch',
    file: 'src/floor/arrange-tables.ts',
    from: '  inBatch: false,\n',
    to: '',
    says: "'inBatch' is missing",
  },
  {
    name: 'a command without a statement budget',
    file: 'src/tables/add-table.ts',
    from: '  budget: [6, 3],\n',
    to: '',
    says: "'budget' is missing",
  },
  {
    name: 'a command of batches that the client does not know',
    file: 'client/reduce.ts',
    from: `  'move-guest': {
    method: 'POST',
    path: '/guests/:guestId/move',
    shows: (view, input, { now }) => decideMoveGuest(view, input, now),
  },
`,
    to: '',
    says: `'"move-guest"' is missing`,
  },
  {
    name: 'a field of guests that adding one forgets',
    file: 'src/guests/fields.ts',
    from: '  seatedTime: nullable(instant()),\n',
    to: '  seatedTime: nullable(instant()),\n  calledTime: nullable(instant()),\n',
    at: 'src/guests/add-guest.ts',
    says: "'calledTime' is missing",
  },
  {
    name: 'a name that the iPad maps wrongly, in a single call',
    file: 'src/ios/guests.ts',
    from: "lastName: body.last_name ?? '',",
    to: "lastNames: body.last_name ?? '',",
    says: "'lastNames'",
  },
  {
    name: 'a name that the iPad maps wrongly, in a part of a call',
    file: 'src/ios/tables.ts',
    from: '    section: body.section ?? undefined,\n    status,',
    to: '    sections: body.section ?? undefined,\n    status,',
    says: "'sections'",
  },
  {
    name: 'a name that the iPad maps wrongly, in a batch',
    file: 'src/ios/batch/sync-operations.ts',
    from: 'phone: sent.phoneNumber ?? undefined,',
    to: 'phoneNumber: sent.phoneNumber ?? undefined,',
    says: "'phoneNumber'",
  },
  {
    name: 'a value that the command does not take, in a batch',
    file: 'src/ios/batch/atomic-operations.ts',
    from: 'operation(removeTable, { tableId: id })',
    to: 'operation(removeTable, { tableId: null })',
    says: "'null'",
  },
]

test(
  'R6: a kind, a command or a field that something forgets does not compile',
  { timeout: upTo(120_000) },
  async () => {
    const copy = await mkdtemp(join(tmpdir(), 'qtable-types-'))
    try {
      for (const folder of ['src', 'client']) await cp(join(root, folder), join(copy, folder), { recursive: true })
      await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
      for (const file of new Set(mistakes.map((each) => each.file))) {
        const edits = mistakes.filter((each) => each.file === file)
        await mkdir(join(copy, file, '..'), { recursive: true })
        await writeFile(join(copy, file), edited(file, await readFile(join(root, file), 'utf8'), edits))
      }
      const settings = JSON.parse(await readFile(join(root, 'tsconfig.json'), 'utf8')) as object
      // Tests are left out: they need what is beside the two folders, and would say the same once more.
      const written = { ...settings, include: ['src/**/*.ts', 'client/**/*.ts'], exclude: ['**/*.test.ts'] }
      await writeFile(join(copy, 'tsconfig.json'), JSON.stringify(written))
      await writeFile(join(copy, 'package.json'), '{"type":"module"}')
      const compiler = join(root, 'node_modules/typescript/bin/tsc')
      const { stdout } = await promisify(execFile)(process.execPath, [compiler, '-p', copy, '--pretty', 'false'], {
        cwd: copy,
      }).catch((error: unknown) => error as { stdout: string })
      // A complaint is a line that names its file, with the indented lines below it.
      const complaints = stdout.split(/\n(?=\S)/)
      const isSeen = ({ file, at = file, says }: Mistake) =>
        complaints.some((each) => each.startsWith(`${at}(`) && each.includes(says))
      expect(
        mistakes.filter((each) => !isSeen(each)).map(({ name }) => name),
        stdout,
      ).toEqual([])
    } finally {
      await rm(copy, { recursive: true, force: true })
    }
  },
)

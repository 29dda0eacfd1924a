import { chmod, lstat, mkdir, readlink, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { atEnd, atVeryEnd, folder, isRoot, keepRow, query, start } from '../../../test/embedded.ts'
import { canReach } from './home.ts'
import { StartupError } from '../errors.ts'

/** Where the cluster is, and who may get there. */

test('a path that is too long for a unix socket is served by a short one', async () => {
  const dataDir = join(await folder(), 'long'.repeat(30), 'data')
  const db = await start(dataDir)
  const short = new URL(db.url.replace('@/', '@host/')).searchParams.get('host') ?? ''
  expect(short.length).toBeLessThan(90)
  expect(await realpath(short)).toBe(join(dataDir, 'postgres/run'))
  expect(await query(db, 'select 1 as n')).toEqual([{ n: 1 }])
  await expect(start(dataDir)).rejects.toThrow(/Another QTable server/)
  await db.stop()
  await expect(lstat(dirname(short))).rejects.toThrow('ENOENT')
})

test.skipIf(!isRoot)(
  'root (only root can be another user): an unreachable data folder gets a link to /var/lib',
  async () => {
    const base = await folder(0o700)
    const dataDir = join(base, 'data')
    const messages: string[] = []
    const db = await start(dataDir, { say: (message) => messages.push(message) })
    atVeryEnd(() => rm(db.location, { recursive: true, force: true }))
    expect(db.location).toMatch(/^\/var\/lib\/qtable\/[0-9a-f]{12}$/)
    expect(await readlink(join(dataDir, 'postgres'))).toBe(db.location)
    expect(messages).toEqual([expect.stringMatching(`The database is in ${db.location}, .*can't reach ${dataDir}`)])
    expect((await stat(join(db.location, 'data'))).uid).not.toBe(0)
    await keepRow(db)
    await db.stop()

    // The link wins, also when the folder could be reached now.
    await chmod(base, 0o755)
    const again = await start(dataDir, { say: (message) => messages.push(message) })
    expect(again.location).toBe(db.location)
    expect(await query(again, 'select n from kept')).toEqual([{ n: 7 }])
    await again.stop()
    expect(messages).toHaveLength(1)

    await rm(db.location, { recursive: true })
    await expect(start(dataDir)).rejects.toThrow(/points to .* and that folder is gone/)
  },
)

test.skipIf(!isRoot)(
  'root (an ordinary user needs no other account): without an account it says what to do',
  async () => {
    const started = start(join(await folder(), 'data'), { unprivilegedAccounts: ['no-such-account', 'root'] })
    await expect(started).rejects.toThrow(StartupError)
    await expect(started).rejects.toThrow(/no user no-such-account or root .*useradd --system postgres/)
  },
)

test.skipIf(isRoot)(
  'ordinary user (root may do everything): a data folder that may not be written is named',
  async () => {
    const base = await folder(0o555)
    atEnd(() => chmod(base, 0o755))
    const started = start(join(base, 'data'))
    await expect(started).rejects.toThrow(StartupError)
    await expect(started).rejects.toThrow(`${base}/data, can't be used`)
  },
)

test('canReach goes by the permission bits of every folder on the way', async () => {
  const base = await folder(0o755)
  const { uid, gid } = await stat(base)
  const [other, otherGroup] = [uid + 54_321, gid + 54_321]
  const file = join(base, 'in/file')
  await mkdir(join(base, 'in'))
  await writeFile(file, '')
  await symlink(join(base, 'in'), join(base, 'link'))
  const cases: [folder: number, file: number, uid: number, gid: number, folder: boolean, file: boolean][] = [
    [0o755, 0o644, other, otherGroup, true, true],
    [0o711, 0o644, other, otherGroup, true, true],
    [0o711, 0o640, other, otherGroup, true, false],
    [0o744, 0o644, other, otherGroup, false, false],
    [0o700, 0o644, other, otherGroup, false, false],
    [0o750, 0o640, other, gid, true, true],
    // The bits of the group count for the group, even when those of others would let it in.
    [0o707, 0o644, other, gid, false, false],
    ...(isRoot
      ? []
      : ([[0o077, 0o644, uid, gid, false, false]] as [number, number, number, number, boolean, boolean][])),
    [0o000, 0o000, 0, 0, true, true],
  ]
  for (const [folderMode, fileMode, user, group, folderReached, fileReached] of cases) {
    await chmod(file, fileMode)
    await chmod(join(base, 'in'), folderMode)
    // As an ordinary user we can't look into a folder that is closed to ourselves either, which counts as out of reach.
    const blind = !isRoot && (folderMode & 0o100) === 0
    expect([folderMode, await canReach(join(base, 'in'), user, group)]).toEqual([folderMode, folderReached])
    expect([folderMode, await canReach(join(base, 'link/file'), user, group)]).toEqual([
      folderMode,
      fileReached && !blind,
    ])
    await chmod(join(base, 'in'), 0o755)
    await chmod(file, 0o644)
  }
  expect(await canReach(join(base, 'missing'), uid, gid)).toBe(false)
  await chmod(base, 0o700)
  expect(await canReach(file, other, otherGroup)).toBe(false)
})

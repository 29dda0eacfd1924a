import { mkdir, mkdtemp, open, readFile, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { FileStorage } from './storage-file.ts'

/** The storage on a disk that fails, and what it asks of the disk: real files, with single calls of Node's file handles made to fail or counted. */

/** What Node's file handles do, one for all of them. */
type Calls = Record<'appendFile' | 'sync' | 'datasync', (this: FileHandle, text?: string) => Promise<void>>

let folder: string
let file: string
let handles: Calls
let whole: Calls
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qtable-faults-'))
  file = join(folder, 'state.journal')
  const any = await open(folder)
  handles = Object.getPrototypeOf(any) as Calls
  const { appendFile, sync, datasync } = handles
  whole = { appendFile, sync, datasync }
  await any.close()
})
afterEach(async () => {
  Object.assign(handles, whole)
  await rm(file, { recursive: true, force: true })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** The descriptor of a handle that is closed. */
const CLOSED = -1

/** What is synced from now on. */
function watchSyncs() {
  const synced: { name: string; handle: FileHandle }[] = []
  for (const name of ['sync', 'datasync'] as const)
    handles[name] = async function () {
      synced.push({ name: `${name} ${(await this.stat()).isDirectory() ? 'folder' : 'file'}`, handle: this })
      await whole[name].call(this)
    }
  return synced
}

const reopened = async () => {
  const again = new FileStorage(file)
  const entries = [...(await again.load())]
  await again.close()
  return [entries, again.damaged]
}

test('D9: a write that fails half-way leaves nothing, and the next one stands', async () => {
  const storage = new FileStorage(file)
  await storage.load()
  await storage.write([{ put: 'a', value: 1 }])
  handles.appendFile = async function (line = '') {
    handles.appendFile = whole.appendFile
    await this.appendFile(line.slice(0, 12))
    throw new Error('the disk is full')
  }
  await expect(storage.write([{ put: 'b', value: 2 }])).rejects.toThrow('the disk is full')
  expect(await storage.get('b')).toBeUndefined()
  await storage.write([{ put: 'c', value: 3 }])
  await storage.close()
  expect(await reopened()).toEqual([
    [
      ['a', 1],
      ['c', 3],
    ],
    0,
  ])
})

test('D9: a journal that cannot be written anew says so, and is what it was until it can', async () => {
  const storage = new FileStorage(file)
  await storage.load()
  const big = 'x'.repeat(600_000)
  await storage.write([{ put: 'a', value: big }])
  // Somebody put a folder in its place: no file can be renamed to it.
  await rm(file)
  await mkdir(join(file, 'full'), { recursive: true })
  const synced = watchSyncs()
  await expect(storage.write([{ put: 'b', value: big }])).rejects.toThrow('rename')
  expect(synced.map(({ name, handle }) => [name, handle.fd === CLOSED])).toEqual([
    ['datasync file', false],
    ['sync file', true],
  ])
  await rm(file, { recursive: true })
  await storage.write([{ put: 'c', value: 3 }])
  await storage.close()
  expect(await reopened()).toEqual([
    [
      ['a', big],
      ['b', big],
      ['c', 3],
    ],
    0,
  ])
})

test('D15: a journal that cannot be cleared keeps what it had, and says so', async () => {
  const storage = new FileStorage(file)
  await storage.load()
  await storage.write([{ put: 'a', value: 1 }])
  await rm(file)
  await mkdir(join(file, 'full'), { recursive: true })
  await expect(storage.clear()).rejects.toThrow('rename')
  expect(await storage.get('a')).toBe(1)
  await rm(file, { recursive: true })
  await storage.clear()
  await storage.close()
  expect(await reopened()).toEqual([[], 0])
})

test('D9: a write is synced before it is done, a journal that is written anew with its folder, and no handle is left', async () => {
  const synced = watchSyncs()
  const seen = () => synced.splice(0).map(({ name, handle }) => [name, handle.fd === CLOSED])
  const storage = new FileStorage(file)
  await storage.load()
  const { handle } = synced[0]!
  expect(seen()).toEqual([
    ['sync file', false],
    ['sync folder', true],
  ])
  await storage.write([{ put: 'a', value: 1 }])
  expect(seen()).toEqual([['datasync file', false]])
  expect(await readFile(file, 'utf8')).toContain('"a"')
  await storage.close()
  expect(handle.fd).toBe(CLOSED)
})

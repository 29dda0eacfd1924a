import fc from 'fast-check'
import {
  appendFile,
  mkdir,
  mkdtemp,
  open,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { crc32 } from './hash.ts'
import { FileStorage } from './storage-file.ts'
import { MemoryStorage, perform, type Op } from './storage.ts'

let folder: string
let files = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qtable-storage-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))
const path = () => join(folder, 'deeper', `${files++}.journal`)

const key = fc.constantFrom('a', 'b', 'c', 'd')
const op = fc.oneof(
  fc.record({ put: key, value: fc.jsonValue() }),
  key.map((drop) => ({ drop })),
) as fc.Arbitrary<Op>
const plain = (entries: Map<string, unknown>) =>
  JSON.parse(JSON.stringify([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))) as unknown

test('D9: what was written is there after a restart, in a file as in memory, whatever was written at once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(op, { maxLength: 4 }), { maxLength: 12 }), async (writes) => {
      const [file, memory, model] = [path(), new MemoryStorage(), new Map<string, unknown>()]
      const storage = new FileStorage(file)
      await storage.load()
      await Promise.all(writes.flatMap((ops) => [storage.write(ops), memory.write(ops)]))
      for (const ops of writes) perform(model, ops)
      await storage.close()
      const again = new FileStorage(file)
      expect(plain(await again.load())).toEqual(plain(model))
      expect(plain(await memory.load())).toEqual(plain(model))
      expect(again.damaged).toBe(0)
      await again.close()
    }),
    { numRuns: 40 },
  )
})

test('D9: cut off anywhere in its last line, the file holds all that was written before it and takes more', async () => {
  const file = path()
  const storage = new FileStorage(file)
  await storage.load()
  await storage.write([{ put: 'a', value: 1 }])
  const whole = (await stat(file)).size
  await storage.write([{ put: 'b', value: 'ü' }, { drop: 'a' }])
  await storage.close()
  const text = await readFile(file)
  for (let length = whole; length < text.length; length++) {
    await writeFile(file, text)
    await truncate(file, length)
    const cut = new FileStorage(file)
    // Whole but for its line feed, the line counts.
    const expected = length === text.length - 1 ? [['b', 'ü']] : [['a', 1]]
    expect([...(await cut.load())]).toEqual(expected)
    expect(cut.damaged).toBe(0)
    await cut.write([{ put: 'c', value: 2 }])
    await cut.close()
    const again = new FileStorage(file)
    expect([...(await again.load())]).toEqual([...expected, ['c', 2]])
    await again.close()
  }
})

test('D9: a damaged line is left out and counted; the others stand', async () => {
  const file = path()
  const storage = new FileStorage(file)
  await storage.load()
  for (const n of [1, 2, 3]) await storage.write([{ put: `k${n}`, value: n }])
  await storage.close()
  const handle = await open(file, 'r+')
  const text = await readFile(file, 'utf8')
  await handle.write('X', text.indexOf('"k2"'))
  await handle.close()
  const again = new FileStorage(file)
  expect([...(await again.load()).keys()]).toEqual(['k1', 'k3'])
  expect(again.damaged).toBe(1)
  await again.close()
  // Written anew without it.
  const third = new FileStorage(file)
  expect([[...(await third.load())], third.damaged]).toEqual([
    [
      ['k1', 1],
      ['k3', 3],
    ],
    0,
  ])
  await third.close()
})

test('D9: memory keeps what a value was when it was written, as a file does', async () => {
  const memory = new MemoryStorage()
  const value = { list: [1] }
  await memory.write([{ put: 'a', value }])
  value.list.push(2)
  expect([await memory.get('a'), await memory.get('b')]).toEqual([{ list: [1] }, undefined])
  ;((await memory.get('a')) as typeof value).list.push(3)
  expect([...(await memory.load())]).toEqual([['a', { list: [1] }]])
  // Closed, it says so as every storage does.
  await expect(memory.close()).resolves.toBeUndefined()
})

test('D9: the file does not grow with what is outdated, and only its owner may read it', async () => {
  const file = path()
  const storage = new FileStorage(file)
  await storage.load()
  const value = 'x'.repeat(100_000)
  for (let n = 0; n < 100; n++) await storage.write([{ put: 'state', value }])
  const { size, mode } = await stat(file)
  expect(size).toBeLessThan(1_500_000)
  expect(mode & 0o077).toBe(0)
  await storage.close()
  await appendFile(`${file}.new`, 'left by a crash')
  const again = new FileStorage(file)
  expect((await again.load()).get('state')).toBe(value)
  await again.close()
})

test('D9: what is not open takes nothing, and a value is read as it stands now', async () => {
  const file = path()
  const storage = new FileStorage(file)
  await expect(storage.write([{ put: 'a', value: 1 }])).rejects.toThrow('is not open')
  await storage.close()
  await storage.load()
  await storage.write([{ put: 'a', value: { b: 1 } }])
  expect([await storage.get('a'), await storage.get('b')]).toEqual([{ b: 1 }, undefined])
  // Loaded again, it is what it was: not read anew beside what is open.
  await writeFile(file, '')
  expect([...(await storage.load())]).toEqual([['a', { b: 1 }]])
  await storage.close()
  await expect(storage.write([{ put: 'a', value: 2 }])).rejects.toThrow('is not open')
})

test('D9: a line whose checksum fits but whose text is no JSON is damaged, and one without its checksum too', async () => {
  const file = path()
  const storage = new FileStorage(file)
  await storage.load()
  await storage.write([{ put: 'a', value: 1 }])
  await storage.close()
  const good = await readFile(file, 'utf8')
  const bad = [`${crc32('[no').toString(16).padStart(8, '0')} [no`, '00000000 [{"put":"b","value":1}]', '']
  await writeFile(file, `${bad.join('\n')}\n${good}`)
  const again = new FileStorage(file)
  expect([...(await again.load())]).toEqual([['a', 1]])
  expect(again.damaged).toBe(3)
  await again.close()
  // Written anew, without them.
  expect(await readFile(file, 'utf8')).toBe(good)
})

test('D9: a file that cannot be read is an error, not an empty storage', async () => {
  const file = path()
  await mkdir(file, { recursive: true })
  await expect(new FileStorage(file).load()).rejects.toThrow('EISDIR')
  // Nor is anything put in its place.
  const loop = path()
  await symlink(loop, loop)
  await expect(new FileStorage(loop).load()).rejects.toThrow('ELOOP')
  expect(await readlink(loop)).toBe(loop)
})

test('D9: a journal below a megabyte is not written anew while it is open', async () => {
  const file = path()
  const storage = new FileStorage(file)
  await storage.load()
  const value = 'x'.repeat(10_000)
  for (let n = 0; n < 20; n++) await storage.write([{ put: 'state', value }])
  expect((await stat(file)).size).toBeGreaterThan(200_000)
  await storage.close()
  const again = new FileStorage(file)
  expect((await again.load()).size).toBe(1)
  expect((await stat(file)).size).toBeLessThan(11_000)
  // What it holds may be large: a little more is no reason either.
  await again.write([{ put: 'big', value: 'y'.repeat(2_000_000) }])
  const { ino } = await stat(file)
  for (let n = 0; n < 3; n++) await again.write([{ put: 'big', value: 'y'.repeat(2_000_000) }])
  expect((await stat(file)).ino).toBe(ino)
  await again.close()
})

test('D15: cleared, nothing is left in the file or in memory, and what is written next stands', async () => {
  const file = path()
  for (const storage of [new FileStorage(file), new MemoryStorage()]) {
    await storage.load()
    await storage.write([{ put: 'guests', value: 'Ada' }])
    await storage.clear()
    expect([...(await storage.load())]).toEqual([])
    if (storage instanceof FileStorage) expect(await readFile(file, 'utf8')).toBe('')
    await storage.write([{ put: 'a', value: 1 }])
    expect([...(await storage.load())]).toEqual([['a', 1]])
    await storage.close()
  }
  const again = new FileStorage(file)
  expect([...(await again.load())]).toEqual([['a', 1]])
  await again.close()
  await expect(new FileStorage(path()).clear()).rejects.toThrow('is not open')
})

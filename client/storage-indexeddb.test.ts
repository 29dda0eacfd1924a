import { expect, test } from 'vitest'
import { IndexedDbStorage, type Databases } from './storage-indexeddb.ts'

/** The storage on a browser's database whose connections are lost: an IndexedDB of a few lines, as far as it is used. */

function browserDatabase() {
  const entries = new Map<string, unknown>()
  const state = { opened: 0, opens: true, isLost: false, dies: 0 }
  const target = () => {
    const listeners = new Map<string, () => void>()
    return {
      addEventListener: (name: string, listener: () => void) => void listeners.set(name, listener),
      tell: (name: string) => setImmediate(() => listeners.get(name)?.()),
    }
  }
  const connection = () => ({
    createObjectStore: () => undefined,
    close: () => undefined,
    transaction() {
      if (state.isLost) throw new Error('The database connection is closing.')
      const { addEventListener, tell } = target()
      const steps: (() => void)[] = []
      const request = <T>(result: () => T) => ({
        error: null,
        get result() {
          return result()
        },
      })
      const dies = state.dies-- > 0
      setImmediate(() => {
        if (!dies) for (const step of steps) step()
        tell(dies ? 'abort' : 'complete')
      })
      return {
        addEventListener,
        error: dies ? new Error('Connection to Indexed Database server lost') : null,
        objectStore: () => ({
          get: (key: string) => request(() => entries.get(key)),
          getAll: () => request(() => [...entries.values()]),
          getAllKeys: () => request(() => [...entries.keys()]),
          put: (value: unknown, key: string) => steps.push(() => entries.set(key, value)),
          delete: (key: string) => steps.push(() => entries.delete(key)),
          clear: () => steps.push(() => entries.clear()),
        }),
      }
    },
  })
  const databases: Databases = {
    open() {
      state.opened++
      const { addEventListener, tell } = target()
      tell(state.opens ? 'success' : 'error')
      if (state.opens) state.isLost = false
      return { addEventListener, result: connection(), error: new Error('no database') }
    },
  }
  return { databases, entries, state, storage: new IndexedDbStorage('q', databases, undefined) }
}

test('D9: a connection that was lost is opened again and the write is done once more, in its order', async () => {
  const { storage, state, entries } = browserDatabase()
  await storage.load()
  await storage.write([{ put: 'a', value: 1 }])
  state.isLost = true
  const writes = [2, 3, 4].map((value) => storage.write([{ put: 'a', value }]))
  await Promise.all(writes)
  expect([entries.get('0|a'), await storage.get('a'), state.opened]).toEqual([4, 4, 2])
  // Lost while it was at it.
  state.dies = 1
  await Promise.all([storage.write([{ put: 'a', value: 5 }]), storage.write([{ put: 'a', value: 6 }])])
  expect([entries.get('0|a'), state.opened]).toEqual([6, 3])
  state.dies = 1
  expect([...(await storage.load())]).toEqual([['a', 6]])
})

test('D9: a write that fails twice fails, and so does one that cannot be repeated; the next one tries again', async () => {
  const { storage, state, entries } = browserDatabase()
  await storage.load()
  state.dies = 2
  await expect(storage.write([{ put: 'a', value: 1 }])).rejects.toMatchObject({
    message: 'A write to q failed',
    cause: expect.objectContaining({ message: 'Connection to Indexed Database server lost' }),
  })
  ;[state.isLost, state.opens] = [true, false]
  await expect(storage.write([{ put: 'a', value: 2 }])).rejects.toThrow("The database q can't be opened")
  state.opens = true
  await storage.write([{ put: 'a', value: 3 }])
  expect([...entries]).toEqual([['0|a', 3]])
})

test('D9, D15: closed, what was asked for before is done and nothing after; cleared, nothing is left of any tab', async () => {
  const { storage, state, entries } = browserDatabase()
  await storage.load()
  entries.set('3|other', 1)
  const last = storage.write([{ put: 'tokens', value: 1 }])
  await storage.clear()
  await last
  expect([...entries]).toEqual([])
  const stays = storage.write([{ put: 'a', value: 1 }])
  await storage.close()
  await stays
  expect([...entries.keys()]).toEqual(['0|a'])
  await expect(storage.write([{ put: 'b', value: 1 }])).rejects.toThrow('is not open')
  expect(state.opened).toBe(1)
})

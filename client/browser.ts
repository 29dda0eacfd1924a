import { QTable } from './client.ts'
import type { Options } from './parts.ts'
import { limits } from './limits.ts'
import { IndexedDbStorage, type Databases, type Locks } from './storage-indexeddb.ts'
import type { SocketHandlers, Socket, Surroundings } from './surroundings.ts'

/** The parts of a browser that are used here. */
interface Browser {
  readonly indexedDB: Databases
  readonly navigator: { readonly onLine: boolean; readonly locks?: Locks }
  readonly document: {
    readonly visibilityState: string
    addEventListener(name: 'visibilitychange', listener: () => void): void
    removeEventListener(name: 'visibilitychange', listener: () => void): void
  }
  readonly crypto: { readonly subtle?: Subtle }
  readonly WebSocket: new (url: string) => BrowserSocket
  addEventListener(name: 'online' | 'offline', listener: () => void): void
  removeEventListener(name: 'online' | 'offline', listener: () => void): void
}

interface Subtle {
  importKey(
    format: 'raw',
    key: Uint8Array,
    algorithm: 'PBKDF2',
    canExport: false,
    uses: ['deriveBits'],
  ): Promise<object>
  deriveBits(algorithm: object, key: object, bits: number): Promise<ArrayBuffer>
}

interface BrowserSocket {
  addEventListener(name: 'open', listener: () => void): void
  addEventListener(name: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(name: 'close', listener: (event: { readonly code: number }) => void): void
  readonly readyState: number
  send(text: string): void
  close(): void
}

const browser = globalThis as unknown as Browser

/** Opens a client in a page, which keeps what it must in an IndexedDB database. Tabs of one origin share the sign-in; each has its own queue. */
export function openQTable(options: Options & { readonly database?: string }): Promise<QTable> {
  const { indexedDB, navigator } = browser
  return QTable.open(
    surroundings(new IndexedDbStorage(options.database ?? 'qtable', indexedDB, navigator.locks)),
    options,
  )
}

const surroundings = (storage: IndexedDbStorage): Surroundings => ({
  storage,
  fetch: (url, { body, ...rest }) => fetch(url, { ...rest, ...(body !== undefined && { body }) }),
  openSocket,
  now: () => Date.now(),
  random: () => Math.random(),
  after(millis, callback) {
    const timer = setTimeout(callback, millis)
    return () => clearTimeout(timer)
  },
  alone: (name, work) => browser.navigator.locks?.request(name, work) ?? work(),
  // Missing in pages over plain http.
  ...(browser.crypto.subtle && { slowHash: slowHashBy(browser.crypto.subtle) }),
  watchNetwork(tell) {
    const [up, down] = [() => tell(true), () => tell(false)]
    browser.addEventListener('online', up)
    browser.addEventListener('offline', down)
    return () => {
      browser.removeEventListener('online', up)
      browser.removeEventListener('offline', down)
    }
  },
  watchShown(tell) {
    const { document } = browser
    const look = () => tell(document.visibilityState === 'visible')
    document.addEventListener('visibilitychange', look)
    look()
    return () => document.removeEventListener('visibilitychange', look)
  },
})

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const slowHashBy = (subtle: Subtle) => async (text: string, salt: string) => {
  const key = await subtle.importKey('raw', bytesOf(text), 'PBKDF2', false, ['deriveBits'])
  const algorithm = { name: 'PBKDF2', hash: 'SHA-256', salt: bytesOf(salt), iterations: limits.pinRounds }
  return btoa(String.fromCharCode(...new Uint8Array(await subtle.deriveBits(algorithm, key, 256))))
}

/** Browsers set no header: the token goes into `hello` alone. */
function openSocket(url: string, _: string, { onOpen, onText, onClose }: SocketHandlers): Socket {
  const socket = new browser.WebSocket(url)
  socket.addEventListener('open', onOpen)
  socket.addEventListener('message', ({ data }) => {
    if (typeof data === 'string') onText(data)
  })
  socket.addEventListener('close', ({ code }) => onClose(code))
  return {
    send(text) {
      if (socket.readyState === 1) socket.send(text)
    },
    close: () => socket.close(),
  }
}

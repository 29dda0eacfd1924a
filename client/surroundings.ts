import type { ClientStorage } from './storage.ts'

/** What the client needs of the machine it runs on. node.ts and browser.ts give it; tests give their own clock, network and storage. */
export interface Surroundings {
  readonly storage: ClientStorage
  readonly fetch: (url: string, request: FetchRequest) => Promise<FetchAnswer>
  /** Opens a WebSocket. `token` goes into the `Authorization` header where one can be set; it is in `hello` as well. Exactly one `onClose` follows. */
  openSocket(url: string, token: string, handlers: SocketHandlers): Socket
  /** Milliseconds since 1970 by the device's clock. */
  now(): number
  /** 0 up to 1. */
  readonly random: () => number
  /** Calls back once after `millis`; what it gives calls that off. */
  readonly after: (millis: number, callback: () => void) => () => void
  /** PBKDF2 with SHA-256 and `limits.pinRounds`, as text. Missing where the machine can't: in pages over plain http. */
  readonly slowHash?: (text: string, salt: string) => Promise<string>
  /** Runs `work` while no other tab or window of this origin runs work of this name. */
  alone<T>(name: string, work: () => Promise<T>): Promise<T>
  /** Tells when the device says that its network went or came; what it gives stops that. */
  watchNetwork?(tell: (up: boolean) => void): () => void
  /** Tells at once, and after each change, whether a person can see what is shown; what it gives stops that. */
  watchShown?(tell: (shown: boolean) => void): () => void
}

export interface FetchRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
  readonly redirect: 'manual'
}

export interface FetchAnswer {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  text(): Promise<string>
}

export interface Socket {
  send(text: string): void
  close(): void
}

export interface SocketHandlers {
  readonly onOpen: () => void
  readonly onText: (text: string) => void
  readonly onClose: (code: number) => void
}

import { connect, type Socket } from 'node:net'

/**
 * A connection to an HTTP server that is kept. It reads no more of an answer than its status and length, because it shares
 * the machine with what is measured.
 */
export class Connection {
  readonly #socket: Socket
  #head: Buffer = Buffer.alloc(0)
  #status = 0
  /** Bytes of the answer that are still to come. */
  #missing = 0
  #answered: ((status: number) => void) | undefined

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (data: Buffer) => this.#take(data))
    this.#socket.on('error', () => this.#answered?.(0))
  }

  /** Sends a request and gives the status of its answer; 0 when the connection broke. */
  ask(request: string): Promise<number> {
    return new Promise((resolve) => {
      this.#answered = resolve
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(data: Buffer): void {
    if (this.#missing === 0) {
      this.#head = this.#head.length === 0 ? data : Buffer.concat([this.#head, data])
      const end = this.#head.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = this.#head.toString('latin1', 0, end)
      this.#status = Number(head.slice(9, 12))
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
      this.#missing = end + 4 + length - this.#head.length
      this.#head = Buffer.alloc(0)
    } else this.#missing -= data.length
    if (this.#missing === 0) this.#answered?.(this.#status)
  }
}

/** A request as a text of HTTP/1.1. */
export function requestOf(method: string, path: string, token: string, body?: object): string {
  const text = body ? JSON.stringify(body) : ''
  const type = body ? 'content-type: application/json\r\n' : ''
  return (
    `${method} ${path} HTTP/1.1\r\nhost: bench\r\n${type}` +
    `authorization: Bearer ${token}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
  )
}

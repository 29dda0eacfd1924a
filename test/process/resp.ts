import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** As much of the protocol of Redis as tests need: commands one after the other, their answers, and what Redis says unasked. */

/** What Redis answers. Maps are lists of key, value, key, value. */
export type Reply = string | number | null | readonly Reply[] | RedisError

/** An answer that is an error: `MOVED 5061 127.0.0.1:7001`. */
export class RedisError extends Error {}

const UNASKED = ['message', 'smessage', 'pmessage']

/** A connection to Redis of a test's own. */
export class RedisConnection {
  readonly socket: Socket
  /** What was published to us, oldest first: `['message', channel, text]`. */
  readonly messages: string[][] = []
  readonly #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void }[] = []
  #unread = Buffer.alloc(0)

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.socket.on('data', (data: Buffer) => this.#read(data))
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the connection to Redis closed'))
    })
  }

  /** Sends a command and gives its answer. Rejects with a RedisError when Redis refuses, with another Error when the connection closes. */
  command(...words: readonly (string | number)[]): Promise<Reply> {
    if (this.socket.destroyed) return Promise.reject(new Error('the connection to Redis is closed'))
    const parts = words.map((word) => `$${Buffer.byteLength(`${word}`)}\r\n${word}\r\n`)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.socket.write(`*${words.length}\r\n${parts.join('')}`)
    })
  }

  /** Closes it and waits until it is closed. */
  async close(): Promise<void> {
    if (this.socket.closed) return
    this.socket.destroy()
    await once(this.socket, 'close')
  }

  #read(data: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, data])
    let from = 0
    for (;;) {
      const found = parse(this.#unread, from)
      if (found === null) break
      from = found.end
      this.#take(found.reply)
    }
    this.#unread = this.#unread.subarray(from)
  }

  #take(reply: Reply): void {
    if (Array.isArray(reply) && UNASKED.includes(reply[0] as string)) {
      this.messages.push(reply as string[])
      return
    }
    const waiting = this.#waiting.shift()
    if (reply instanceof RedisError) waiting?.reject(reply)
    else waiting?.resolve(reply)
  }
}

/** Sends one command by a connection of its own. */
export async function redisCommand(port: number, ...words: readonly (string | number)[]): Promise<Reply> {
  const connection = new RedisConnection(port)
  try {
    return await connection.command(...words)
  } finally {
    await connection.close()
  }
}

type Parsed = { readonly reply: Reply; readonly end: number } | null

/** The value that begins at a byte, and where it ends; null when it is not all there. */
function parse(from: Buffer, start: number): Parsed {
  const line = from.indexOf('\r\n', start)
  if (line < 0) return null
  const text = from.toString('utf8', start + 1, line)
  const end = line + 2
  switch (String.fromCharCode(from[start]!)) {
    case '+':
      return { reply: text, end }
    case '-':
      return { reply: new RedisError(text), end }
    case ':':
      return { reply: Number(text), end }
    case '_':
      return { reply: null, end }
    case '$':
    case '=':
      return bulk(from, end, Number(text))
    case '*':
    case '>':
    case '~':
      return list(from, end, Number(text))
    case '%':
      return list(from, end, 2 * Number(text))
    default:
      // Booleans, doubles, big numbers.
      return { reply: text, end }
  }
}

function bulk(from: Buffer, start: number, length: number): Parsed {
  if (length < 0) return { reply: null, end: start }
  const end = start + length
  return from.length < end + 2 ? null : { reply: from.toString('utf8', start, end), end: end + 2 }
}

function list(from: Buffer, start: number, length: number): Parsed {
  if (length < 0) return { reply: null, end: start }
  const replies: Reply[] = []
  let end = start
  while (replies.length < length) {
    const next = parse(from, end)
    if (next === null) return null
    replies.push(next.reply)
    end = next.end
  }
  return { reply: replies, end }
}

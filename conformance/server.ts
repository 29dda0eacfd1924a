import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import type { Floor } from './floor.ts'
import { Inbox } from './inbox.ts'

/** A server that does what a situation says, and keeps what the client does for the situation to look at. */

/** A request of the client that waits for its answer. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly text: string
  answer(status: number, body: object | string, headers?: Record<string, string>): void
  /** Cuts the connection: the answer is lost. */
  lose(): void
}

/** A hello of the client, and the socket that it came on. */
export interface Greeting {
  readonly line: Line
  readonly hello: Readonly<Record<string, unknown>>
  /** The access token, of the handshake or of the hello. */
  readonly token: string
  readonly at: number
}

/** A handshake of the client, before it is answered. */
export interface Knock {
  readonly at: number
  readonly token: string | null
}

/** A task for the client: a write that it is to make, as a person would. */
export interface Task {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  /** Below `/v2/restaurants/{id}`. */
  readonly path: string
  readonly body: object
}

const RESTAURANT = randomUUID()
const STAFF = randomUUID()
const TASK_WAIT_MILLIS = 500

/** One socket of the client. */
export class Line {
  readonly closed: Promise<number>
  readonly #ws: WebSocket
  #beating: NodeJS.Timeout | null = null

  constructor(ws: WebSocket) {
    this.#ws = ws
    this.closed = new Promise((resolve) =>
      ws.on('close', (code) => {
        this.quiet()
        resolve(code)
      }),
    )
  }

  send(message: object): this {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(JSON.stringify(message))
    return this
  }

  sendBinary(text: string): void {
    this.#ws.send(Buffer.from(text), { binary: true })
  }

  changes(...changes: readonly object[]): this {
    return this.send({ type: 'changes', changes })
  }

  resync(floor: Floor, reason: string): this {
    this.send({ type: 'resync', reason, epoch: floor.epoch, head: floor.seq })
    return this.send({ type: 'snapshot', ...floor.snapshot })
  }

  beat(floor: Floor, more: object = {}): this {
    const { epoch, seq, horizon, hash } = floor
    // The server's clock, a while after the newest change.
    const at = '2026-11-23T21:59:59.999999Z'
    return this.send({ type: 'heartbeat', epoch, head: seq, at, horizon, hash, ...more })
  }

  /** Sends pongs now and then, as a sign of life that says nothing, until `quiet`. */
  keepAlive(millis: number): void {
    this.quiet()
    this.#beating = setInterval(() => this.send({ type: 'pong' }), millis)
  }

  quiet(): void {
    if (this.#beating) clearInterval(this.#beating)
    this.#beating = null
  }

  close(code: number): void {
    this.quiet()
    if (code === 1006) this.#ws.terminate()
    else this.#ws.close(code, 'said by the conformance kit')
  }
}

export class ScriptedServer {
  /** How many times faster than in life the client's clock runs. */
  readonly rate: number
  readonly greetings = new Inbox<Greeting>()
  readonly knocks = new Inbox<Knock>()
  readonly refreshes = new Inbox<Asked>()
  readonly signIns = new Inbox<Asked>()
  readonly writes = new Inbox<Asked>()
  /** What was wrong whatever the situation. */
  readonly faults: string[] = []
  /** How handshakes are refused; null lets them in. */
  refusal: { readonly status: number; readonly headers: Record<string, string> } | null = null
  /** Whether refreshes are answered without a situation's help. */
  refreshesItself = true
  #accessToken = ''
  #refreshToken = ''
  #tasks: Task[] = []
  #wakeTask: (() => void) | null = null
  readonly #lines = new Set<Line>()
  readonly #http: Server
  readonly #sockets = new WebSocketServer({ noServer: true })

  constructor(rate: number) {
    this.rate = rate
    this.#http = createServer((request, response) => {
      this.#take(request, response).catch((error: unknown) => {
        response.destroy()
        if (!response.headersSent) this.faults.push(String(error))
      })
    })
    this.#http.on('upgrade', (request, socket, head) => {
      socket.on('error', () => socket.destroy())
      this.knocks.push({ at: performance.now(), token: bearerIn(request) })
      if (this.refusal) {
        const headers = Object.entries(this.refusal.headers).map(([name, value]) => `${name}: ${value}\r\n`)
        socket.end(
          `HTTP/1.1 ${this.refusal.status} Refused\r\n${headers.join('')}Content-Length: 0\r\nConnection: close\r\n\r\n`,
        )
        return
      }
      this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#welcome(ws, bearerIn(request)))
    })
  }

  async listen(port: number): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(port, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.close(1006)
    this.#wakeTask?.()
    this.#http.closeAllConnections()
    await new Promise<void>((resolve) => this.#http.close(() => resolve()))
  }

  /** Milliseconds of this machine's clock for so many of the client's. */
  scaled(millis: number): number {
    return millis / this.rate
  }

  get accessToken(): string {
    return this.#accessToken
  }
  get refreshToken(): string {
    return this.#refreshToken
  }

  /** Gives the client something to write. */
  task(task: Task): void {
    this.#tasks.push(task)
    this.#wakeTask?.()
  }

  /** Answers a sign-in or a refresh with new tokens. */
  grant(asked: Asked): void {
    this.#accessToken = `access-${randomUUID()}`
    this.#refreshToken = `refresh-${randomUUID()}`
    asked.answer(200, {
      accessToken: this.#accessToken,
      expiresInSeconds: 36_000,
      refreshToken: this.#refreshToken,
      staffId: STAFF,
      restaurantId: RESTAURANT,
      role: 'owner',
      more: 'a field that no client knows',
    })
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const path = request.url ?? ''
    const asked: Asked = {
      method: request.method ?? '',
      path,
      headers: request.headers,
      text: Buffer.concat(chunks).toString('utf8'),
      answer: (status, body, headers = {}) => {
        const isText = typeof body === 'string'
        const type = isText ? 'text/html' : status < 400 ? 'application/json' : 'application/problem+json'
        response.writeHead(status, { 'content-type': type, ...headers }).end(isText ? body : JSON.stringify(body))
      },
      lose: () => response.destroy(),
    }
    if (path === '/conformance/task') return this.#giveTask(asked, response)
    if (path === '/v2/sign-in') return this.#signIn(asked)
    if (path === '/v2/refresh') return this.#refresh(asked)
    if (path === '/v2/sign-out') return asked.answer(200, { ended: true })
    if (path.startsWith(`/v2/restaurants/${RESTAURANT}/`) && asked.method !== 'GET') return this.writes.push(asked)
    asked.answer(404, problem(404, 'no-such-route'))
  }

  #signIn(asked: Asked): void {
    const { email, password } = JSON.parse(asked.text) as Record<string, unknown>
    if (typeof email !== 'string' || typeof password !== 'string')
      return asked.answer(422, problem(422, 'invalid-input'))
    this.signIns.push(asked)
    this.grant(asked)
  }

  #refresh(asked: Asked): void {
    const { refreshToken } = JSON.parse(asked.text) as Record<string, unknown>
    if (refreshToken !== this.#refreshToken) {
      this.faults.push('a refresh had a token that is not the newest one (section 4)')
      return asked.answer(401, problem(401, 'refresh-refused'))
    }
    this.refreshes.push(asked)
    if (this.refreshesItself) this.grant(asked)
  }

  async #giveTask(asked: Asked, response: ServerResponse): Promise<void> {
    if (this.#tasks.length === 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, TASK_WAIT_MILLIS)
        this.#wakeTask = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    if (response.destroyed) return
    const task = this.#tasks.shift()
    if (task) asked.answer(200, task)
    else response.writeHead(204).end()
  }

  #welcome(ws: WebSocket, bearer: string | null): void {
    const line = new Line(ws)
    this.#lines.add(line)
    void line.closed.then(() => this.#lines.delete(line))
    let [helloAt, appliedAt] = [-Infinity, -Infinity]
    const isTooSoon = (before: number) => performance.now() - before < this.scaled(1_000) * 0.8
    ws.on('error', () => ws.terminate())
    ws.on('message', (data, isBinary) => {
      const message = isBinary ? {} : objectIn((data as Buffer).toString('utf8'))
      const { type } = message
      if (typeof type !== 'string') return this.faults.push('a message is no JSON object with a type (section 6.1)')
      if (type === 'ping') line.send({ type: 'pong' })
      if (type === 'applied') {
        if (isTooSoon(appliedAt)) this.faults.push('applied was sent more than once a second (section 6.4)')
        appliedAt = performance.now()
      }
      if (type !== 'hello') return undefined
      if (isTooSoon(helloAt)) this.faults.push('hello was sent more than once a second (section 6.2)')
      helloAt = performance.now()
      const token = typeof message['token'] === 'string' ? message['token'] : bearer
      this.greetings.push({ line, hello: message, token: token ?? '', at: helloAt })
      return undefined
    })
  }
}

/** A refusal as the server writes one. */
export const problem = (status: number, code: string, more: object = {}): object => ({
  ...more,
  type: `urn:qtable:${code}`,
  title: 'Said by the conformance kit',
  status,
  code,
  requestId: randomUUID(),
})

const bearerIn = ({ headers }: IncomingMessage): string | null =>
  /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? null

function objectIn(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

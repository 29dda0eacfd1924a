import { randomBytes } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'

/** An answer of the server, its body read as JSON where it is JSON. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

const TIMEOUT_MILLIS = 20_000
const SOCKETS = 4

/** Requests over connections that stay open: one client a device, as each iPad has its own. */
export class Client {
  readonly url: string
  readonly #agent: http.Agent
  readonly #request: typeof http.request

  constructor(url: string) {
    const secure = url.startsWith('https:')
    const keep = { keepAlive: true, maxSockets: SOCKETS }
    this.url = url
    this.#agent = secure ? new https.Agent(keep) : new http.Agent(keep)
    this.#request = secure ? https.request : http.request
  }

  /** Rejects when there is no answer. */
  call(method: string, path: string, body?: unknown, token?: string): Promise<Answer> {
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const headers: http.OutgoingHttpHeaders = {}
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`
    if (payload !== undefined) {
      headers['content-type'] = 'application/json'
      headers['content-length'] = Buffer.byteLength(payload)
    }
    return new Promise((resolve, reject) => {
      const request = this.#request(this.url + path, { method, agent: this.#agent, headers }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: read(Buffer.concat(chunks)) }))
      })
      request.setTimeout(TIMEOUT_MILLIS, () => request.destroy(new Error('no answer in time')))
      request.on('error', reject)
      request.end(payload)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

function read(bytes: Buffer): unknown {
  const text = bytes.toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A restaurant's account: made by the demo, shared by all devices of the house. */
export class Account {
  readonly email: string
  readonly password: string
  readonly #client: Client
  readonly url: string
  restaurantId = ''
  token = ''
  #renewing: Promise<void> | null = null

  private constructor(client: Client) {
    this.#client = client
    this.url = client.url
    this.email = `demo-${randomBytes(5).toString('hex')}@qtable.example`
    this.password = randomBytes(9).toString('base64url')
  }

  /** Registers a restaurant and signs in. */
  static async register(client: Client, name: string): Promise<Account> {
    const account = new Account(client)
    const { email, password } = account
    const made = await client.call('POST', '/auth/register', { restaurant_name: name, email, password })
    if (made.status !== 200)
      throw new Error(`registering was answered with ${made.status} ${JSON.stringify(made.body)}`)
    await account.renew()
    return account
  }

  /** Signs in anew, once for all who ask at the same time. */
  renew(): Promise<void> {
    this.#renewing ??= this.#signIn().finally(() => (this.#renewing = null))
    return this.#renewing
  }

  async #signIn(): Promise<void> {
    const { email, password } = this
    const { status, body } = await this.#client.call('POST', '/auth/login', { email, password })
    if (status !== 200) throw new Error(`signing in was answered with ${status} ${JSON.stringify(body)}`)
    const { access_token, restaurant_id } = body as { access_token: string; restaurant_id: string }
    this.token = access_token
    this.restaurantId = restaurant_id
  }

  /** A call below the restaurant's own path. Signs in again when the token has run out. */
  async call(client: Client, method: string, path: string, body?: unknown): Promise<Answer> {
    const full = `/restaurants/${this.restaurantId}${path}`
    const answer = await client.call(method, full, body, this.token)
    if (answer.status !== 401) return answer
    await this.renew()
    return client.call(method, full, body, this.token)
  }
}

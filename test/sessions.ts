import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import type { Instant } from '../src/platform/clock.ts'
import type { Outbox } from '../src/sockets/outbox.ts'
import { Session, type SessionOwner, type SessionTimes } from '../src/sockets/session.ts'
import type { SocketObserver } from '../src/sockets/socket-observer.ts'

/** Sessions, each with a real client at the other end. */

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Writes down what an outbox tells. */
export class Counts implements SocketObserver {
  readonly all: string[] = []
  total = { frames: 0, writes: 0 }
  opened = () => void this.all.push('opened')
  closed = (_: string, code: number) => void this.all.push(`closed ${code}`)
  refused = (status: string) => void this.all.push(`refused ${status}`)
  frames = (_: string, count: number) => void (this.total.frames += count)
  writes = (_: string, count: number) => void (this.total.writes += count)
  applied = () => void this.all.push('applied')
  delivered = (_: string, at: Instant) => void this.all.push(`delivered ${at}`)
}

/** A session and a client that writes down all that it hears, text and pings, in order. */
export interface Pair {
  readonly session: Session
  readonly client: WebSocket
  readonly ws: WebSocket
  readonly socket: Duplex
  readonly heard: string[]
  readonly closed: Promise<[number, Buffer]>
  readonly start: number
}

const NEVER: SessionTimes = { heartbeat: 1e9, pingTimeout: 1e9, maxAge: 1e12 }
const SILENT: SessionOwner = { onText: () => undefined, onGone: () => undefined, heartbeat: () => null }

export class Sessions {
  #server!: WebSocketServer

  async open(): Promise<void> {
    this.#server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The next that connects, whoever it is. */
  async accepted(): Promise<[WebSocket, Duplex]> {
    const [ws, { socket }] = (await once(this.#server, 'connection')) as [WebSocket, IncomingMessage]
    return [ws, socket]
  }

  async pair(outbox: Outbox, owner: Partial<SessionOwner> = {}, times: Partial<SessionTimes> = {}): Promise<Pair> {
    const accepted = this.accepted()
    const client = new WebSocket(`ws://127.0.0.1:${this.port}`)
    const heard: string[] = []
    client.on('message', (data) => heard.push((data as Buffer).toString()))
    client.on('ping', () => heard.push('ping'))
    const closed = once(client, 'close') as Promise<[number, Buffer]>
    const [ws, socket] = await accepted
    const start = Date.now()
    const session = new Session(ws, socket, outbox, { ...SILENT, ...owner }, { ...NEVER, ...times }, start)
    if (client.readyState !== WebSocket.OPEN) await once(client, 'open')
    return { session, client, ws, heard, closed, start, socket }
  }

  /** So many, one after the other: a server says of each only that it came. */
  async pairs(outbox: Outbox, count: number): Promise<Pair[]> {
    const pairs: Pair[] = []
    for (let n = 0; n < count; n++) pairs.push(await this.pair(outbox))
    return pairs
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate()
    this.#server.close()
  }
}

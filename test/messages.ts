import { createServer, type IncomingHttpHeaders } from 'node:http'
import { execute } from '../src/changes/command/execute.ts'
import { command, type ChangeDeps, type Context } from '../src/changes/command/command.ts'
import { clockOf, instantOfMicros, type Clock, type Instant } from '../src/platform/clock.ts'
import { microsOf } from '../src/platform/clock.ts'
import type { Db } from '../src/platform/database/db.ts'
import { Outbound } from '../src/platform/http/outbound.ts'
import { newId } from '../src/platform/ids.ts'
import { createLog } from '../src/platform/observability/log.ts'
import { enqueue, type Outgoing } from '../src/messages/messages.ts'
import { updateMessageSettings } from '../src/messages/update-message-settings.ts'
import { LogSender } from '../src/messages/channels/log.ts'
import { WebhookSender } from '../src/messages/channels/webhook.ts'
import type { Parcel, Senders } from '../src/messages/channels/channel.ts'
import { Messenger, type MessengerDeps } from '../src/messages/worker/messenger.ts'
import { newOwner } from './database.ts'
import { z } from 'zod'

/** A restaurant that sends messages, somebody who receives them, and a clock that a test moves. */

/** A request that the receiver got. */
export interface Received {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Receiver {
  readonly url: string
  readonly received: Received[]
  /** What it answers from now on: a status, or never. */
  answer: (request: Received) => number | 'never' | { status: number; headers?: Record<string, string>; body?: string }
  close(): Promise<void>
}

/** An HTTP server on loopback that takes everything unless it is told otherwise. */
export async function openReceiver(): Promise<Receiver> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const got = { path: request.url!, headers: request.headers, body: Buffer.concat(chunks).toString() }
      received.push(got)
      const answer = receiver.answer(got)
      if (answer === 'never') return
      const { status, headers, body = '' } = typeof answer === 'number' ? { status: answer } : answer
      response.writeHead(status, headers).end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}`,
    received,
    answer: () => 200,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return receiver
}

/** A clock that stands but for a microsecond a look, and is moved by hand. */
export function handClock(start = '2026-11-24T18:00:00.000000Z'): Clock & { forward(millis: number): void } {
  let micros = microsOf(start as Instant)
  return {
    ...clockOf(() => instantOfMicros(micros++)),
    forward: (millis) => void (micros += millis * 1000),
  }
}

export const LOOPBACK = ['127.0.0.0/8']

/** All channels but the webhook go to the log. */
export const quietSenders = (): Senders => {
  const log = new LogSender(createLog('silent'))
  return { email: log, sms: log, whatsapp: log, push: log, webhook: new WebhookSender(new Outbound(LOOPBACK)) }
}

const send = command({
  name: 'test-enqueue',
  summary: '',
  method: 'POST',
  path: '/test-enqueue',
  role: 'host',
  inBatch: false,
  budget: [0, 0],
  input: z.object({ message: z.custom<Outgoing>() }),
  answer: z.string(),
  run: async (w, { message }) => enqueue(w, message),
})

/** A restaurant with a webhook. */
export interface Sending {
  readonly context: Context
  /** Writes a message to the webhook, or what else is said; its id. */
  tell(more?: Partial<Outgoing>): Promise<string>
  /** Changes what is set. */
  set(settings: Partial<Parameters<typeof execute<typeof updateMessageSettings.input, unknown>>[3]>): Promise<void>
}

/** A new restaurant, whose webhook is there unless the address is null. */
export async function openSending(db: Db, clock: Clock, webhookUrl: string | null): Promise<Sending> {
  const context = await newOwner(db)
  const deps: ChangeDeps = { db, clock, newId, publish: () => undefined }
  const set = async (settings: object) => void (await execute(deps, updateMessageSettings, context, settings))
  if (webhookUrl !== null) await set({ webhookUrl })
  const plain = { channel: 'webhook', recipient: '', template: 'table-ready', guestId: null, variables: {} } as const
  return {
    context,
    set,
    tell: async (more) => (await execute(deps, send, context, { message: { ...plain, ...more } })).result,
  }
}

/** A worker that looks only when it is told to. */
export const openMessenger = (db: Db, clock: Clock, more: Partial<MessengerDeps> = {}): Messenger =>
  new Messenger({ db, clock, log: createLog('silent'), senders: quietSenders(), random: () => 0, ...more })

/** Looks and works until nothing is due. */
export async function sendDue(messenger: Messenger): Promise<void> {
  while ((await messenger.look()) > 0) await messenger.idle()
}

/** An attempt as a channel is given it. */
export const parcel = (more: Partial<Parcel> = {}): Parcel => ({
  id: newId(),
  restaurantId: newId(),
  restaurant: 'Cedar',
  guestId: null,
  channel: 'email',
  recipient: '',
  template: 'table-ready',
  language: 'en',
  attempt: 1,
  subject: 'Your table is ready',
  body: 'Your table at Cedar is ready.',
  variables: {},
  createdAt: '2026-11-24T18:00:00.000000Z' as Instant,
  now: '2026-11-24T18:00:01.000000Z' as Instant,
  webhook: { url: null, secrets: [] },
  ...more,
})

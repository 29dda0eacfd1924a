import { closeCodes } from '../sockets/endings.ts'
import type { MessageKind, Socket } from '../sockets/message-kind.ts'
import { jsonSchema, type Json } from './json-schema.ts'

/** The AsyncAPI 3.0 document of the sockets, made from the schemas of their messages. Spec: C10. */

const text = { type: 'string' }

const sockets: Record<Socket, { address: string; summary: string; query: Json }> = {
  realtime: {
    address: '/realtime',
    summary: 'All changes of the restaurant',
    query: {
      type: 'object',
      required: ['restaurant_id'],
      properties: {
        restaurant_id: { ...text, format: 'uuid', description: "The token's restaurant" },
        token: { ...text, description: 'The token, for clients that cannot send a header' },
        reservations: { ...text, description: 'With 1, reservation_updated is sent too' },
      },
    },
  },
  sync: {
    address: '/ws/restaurant/sync',
    summary: 'Changes of tables; on request, the whole floor or the changes after a time',
    query: {
      type: 'object',
      properties: {
        restaurant_id: {
          ...text,
          description: "The token's restaurant. It may be missing; old builds send any integer",
        },
        token: { ...text, description: 'The token, for clients that cannot send a header' },
      },
    },
  },
  stream: {
    address: '/v2/restaurants/{restaurantId}/stream',
    summary: 'The native stream: every change, resumed at the position of the device (docs/protocol.md)',
    query: { type: 'object', properties: {} },
  },
}

const tooMany =
  'Too many sockets, too many handshakes at once, or the token cannot be checked now: try again after Retry-After seconds'

/** Why a handshake is refused, by status. */
const contractStatuses = { 403: 'An invalid token, or not its restaurant', 503: tooMany }
const streamStatuses = {
  401: 'The header has no valid token',
  403: 'The restaurant is suspended',
  404: "Not the token's restaurant",
  503: tooMany,
}

/** What each close code means for the client. */
const closings: Record<keyof typeof closeCodes, string> = {
  goingAway: 'The server is stopping, or cannot reach its log: connect again',
  dead: 'A protocol ping was left unanswered',
  tooSlow:
    'The client did not read, or there are too many sockets. Connect again: the stream with its position, the others read everything again',
  notSignedIn: 'No token within 5 seconds, an invalid token, or one whose access has ended: sign in again',
  badMessage: 'Only on the stream: a message was not understood; the reason says why',
  notAllowed: "Only on the stream: the restaurant is not the token's, or is suspended",
  tooOld: 'The socket has reached its maximum age: connect again',
}

/** The document that describes these messages. */
export function asyncApi(messages: readonly MessageKind[]): Json {
  const schemas: Json = {}
  const described = messages.map((kind) => [
    nameOf(kind),
    {
      name: kind.name,
      summary: kind.summary,
      payload: jsonSchema(kind.shape, schemas, kind.from === 'server' ? 'sent' : 'read'),
    },
  ])
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'QTable sockets',
      version: '1.0.0',
      description:
        "The iPad app's two sockets, and the native stream. Messages are JSON in text frames; binary frames are ignored. Nothing is sent before the token " +
        'has been verified. x-handshake-statuses lists how a handshake is refused. After a handshake without a token, the client must send authenticate (stream: hello). ' +
        'For one change, realtime sends guests first, then reservation_updated, then tables, then atomic_transaction_complete.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: {
      restaurant: {
        host: '{host}',
        protocol: 'ws',
        variables: { host: { default: 'localhost:8000', description: 'The address of QTable' } },
        security: [{ $ref: '#/components/securitySchemes/bearer' }],
      },
    },
    channels: Object.fromEntries(socketNames.map((socket) => [socket, channel(socket, messages)])),
    operations: Object.fromEntries(socketNames.flatMap((socket) => operations(socket, messages))),
    components: {
      messages: Object.fromEntries(described),
      schemas,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
    },
  }
}

const socketNames: readonly Socket[] = ['realtime', 'sync', 'stream']

/** The name of a message among those of all sockets. */
const nameOf = ({ socket, name }: MessageKind): string => `${socket}.${name}`

function channel(socket: Socket, messages: readonly MessageKind[]): Json {
  const { address, summary, query } = sockets[socket]
  const own = messages.filter((kind) => kind.socket === socket)
  const inPath = [...address.matchAll(/\{(\w+)\}/g)].map((m) => [m[1]!, { description: "The token's" }])
  return {
    address,
    summary,
    ...(inPath.length > 0 && { parameters: Object.fromEntries(inPath) }),
    servers: [{ $ref: '#/servers/restaurant' }],
    messages: Object.fromEntries(own.map((kind) => [kind.name, { $ref: `#/components/messages/${nameOf(kind)}` }])),
    bindings: { ws: { method: 'GET', query, bindingVersion: '0.1.0' } },
    'x-handshake-statuses': socket === 'stream' ? streamStatuses : contractStatuses,
    'x-close-codes': Object.fromEntries(
      Object.entries(closeCodes).map(([name, code]) => [code, closings[name as keyof typeof closeCodes]]),
    ),
  }
}

function operations(socket: Socket, messages: readonly MessageKind[]): [string, Json][] {
  const of = (from: MessageKind['from']) =>
    messages
      .filter((kind) => kind.socket === socket && kind.from === from)
      .map(({ name }) => ({ $ref: `#/channels/${socket}/messages/${name}` }))
  const operation = (action: 'send' | 'receive', messages: Json[]): Json => ({
    action,
    channel: { $ref: `#/channels/${socket}` },
    messages,
  })
  return [
    [`${socket}Tells`, operation('send', of('server'))],
    [`${socket}Hears`, operation('receive', of('client'))],
  ]
}

import { closeCodes } from '../sockets/session.ts'
import type { MessageKind, Socket } from '../sockets/message-kind.ts'
import { jsonSchema, type Json } from './json-schema.ts'

/** The AsyncAPI 3.0 document of the sockets, made from the schemas of their messages. Spec: C10. */

const text = { type: 'string' }

const sockets: Record<Socket, { address: string; summary: string; query: Json }> = {
  realtime: {
    address: '/realtime',
    summary: 'Everything that changes in the restaurant',
    query: {
      type: 'object',
      required: ['restaurant_id'],
      properties: {
        restaurant_id: { ...text, format: 'uuid', description: "The token's restaurant" },
        token: { ...text, description: 'The token, where no header can be sent' },
        reservations: { ...text, description: '1: reservation_updated is sent as well' },
      },
    },
  },
  sync: {
    address: '/ws/restaurant/sync',
    summary: 'Tables as they change, and the whole floor or what changed on request',
    query: {
      type: 'object',
      properties: {
        restaurant_id: {
          ...text,
          description: "The token's restaurant; may be left out or, by old builds, be any whole number",
        },
        token: { ...text, description: 'The token, where no header can be sent' },
      },
    },
  },
  stream: {
    address: '/v2/restaurants/{restaurantId}/stream',
    summary: 'The native stream: every change, resumed where the device stands (docs/protocol.md)',
    query: { type: 'object', properties: {} },
  },
}

const tooMany =
  'Too many sockets, too many handshakes at once, or the token cannot be checked now: come back after Retry-After seconds'

/** How a handshake is refused. */
const contractStatuses = { 403: 'A wrong token, or not its restaurant', 503: tooMany }
const streamStatuses = {
  401: 'The header has no valid token',
  403: 'The restaurant is suspended',
  404: "Not the token's restaurant",
  503: tooMany,
}

/** What each close code tells the client. */
const closings: Record<keyof typeof closeCodes, string> = {
  goingAway: 'The server is stopping, or cannot reach its log: connect again',
  dead: 'A protocol ping was left unanswered',
  tooSlow:
    'Frames were left unread, or there are too many sockets: connect again, the stream with where it stands, the others read everything anew',
  notSignedIn: 'No token within 5 seconds, a wrong one, or one that no longer counts: sign in again',
  badMessage: 'Only on the stream: a message could not be understood, the reason says why',
  notAllowed: "Only on the stream: the restaurant is not the token's, or is suspended",
  tooOld: 'The socket has reached the greatest age: connect again',
}

/** The document for the messages there are. */
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
        "The iPad app's two sockets, and the native stream. Messages are JSON in text frames; binary frames are ignored. Nothing is sent before the token is " +
        'known to be good: x-handshake-statuses says how a handshake is refused; one without a token must be followed by authenticate (stream: hello). ' +
        'Of one change realtime tells guests first, then reservation_updated, then tables, then atomic_transaction_complete.',
      license: { name: 'MIT' },
    },
    defaultContentType: 'application/json',
    servers: {
      restaurant: {
        host: '{host}',
        protocol: 'ws',
        variables: { host: { default: 'localhost:8000', description: 'Where QTable listens' } },
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

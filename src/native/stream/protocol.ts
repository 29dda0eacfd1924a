import { z } from 'zod'
import type { Place } from '../../changes/log/since.ts'
import { idField, instantField, intField, sentInstant, textField } from '../../platform/fields.ts'
import { jsonObject } from '../../platform/json-object.ts'
import { limits } from '../../platform/limits.ts'
import { nouns } from '../../floor/nouns.ts'
import type { MessageKind } from '../../sockets/message-kind.ts'

/** The messages of the native stream, as docs/protocol.md describes them. */

const seq = z.int().min(0)
// A client accepts any text: an older one keeps and hashes unknown kinds too.
const kind = z.string().meta({ description: nouns.map((noun) => noun.kind).join(', ') })
const value = z.looseObject({ id: idField, version: z.int() }).meta({ description: 'The whole entity' })
const told = { kind, id: idField, event: z.string(), version: z.int() }

export const entryShape = z
  .discriminatedUnion('op', [
    z.object({ op: z.literal('put'), ...told, value }),
    z.object({ op: z.literal('drop'), ...told, value: z.looseObject({}).optional() }),
  ])
  .meta({ id: 'Entry' })

/** How the shape of a kind's entities changed: `changes/log/rules.ts`. */
export const upgradeShape = z
  .object({
    kind,
    isNew: z.literal(true).optional(),
    rename: z.record(z.string(), z.string()).optional(),
    remove: z.array(z.string()).optional(),
    add: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({
    id: 'Upgrade',
    description:
      'Fields to rename, to remove and to add, in this order, in entities held of this kind. With `isNew`, the entries of the change put every entity of it',
  })

/** Who acted, where it was not staff. */
export const actorKindShape = z
  .enum(['guest', 'server'])
  .optional()
  .meta({ description: 'Who acted, where it was not staff: the guest that actorId names, or the server by itself' })

export const changeShape = z
  .object({
    epoch: idField,
    seq,
    at: sentInstant,
    command: z.string(),
    mutationId: z.string().nullable(),
    actorId: idField.nullable(),
    actorKind: actorKindShape,
    device: z.string().nullable(),
    entries: z.array(entryShape),
    upgrade: z
      .array(upgradeShape)
      .optional()
      .meta({ description: 'With a new release: the shape of entities changes from here on' }),
  })
  .meta({ id: 'Change' })

const snapshotFields = {
  epoch: idField,
  seq,
  at: sentInstant,
  horizon: sentInstant,
  hash: z.string().regex(/^\d+-[0-9a-f]{8}$/),
  entities: z.array(z.object({ kind, id: idField, version: z.int(), value })),
}
/** The answer of GET …/snapshot. */
export const snapshotShape = z.object(snapshotFields).meta({ id: 'Snapshot' })

/** The answer of GET …/changes. */
export const changesShape = z.object({ epoch: idField, head: seq, changes: z.array(changeShape) })

/** Why a device starts over. */
export const resyncReason = z.enum(['new', 'epoch', 'floor', 'ahead', 'diverged'])
export type BeginsAnew = z.output<typeof resyncReason>

/** Messages of a device. Additional keys are ignored. */
export const said = {
  hello: z
    .looseObject({
      type: z.literal('hello'),
      token: z.string().max(4096).optional(),
      epoch: idField.optional(),
      since: intField(0, Number.MAX_SAFE_INTEGER).optional(),
      at: instantField.optional(),
      device: textField(limits.deviceCharacters).optional(),
    })
    .refine((hello) => (hello.epoch === undefined) === (hello.since === undefined), 'epoch and since go together'),
  applied: z.looseObject({ type: z.literal('applied'), seq }),
  ping: z.looseObject({ type: z.literal('ping') }),
}

/**
 * A message of a device. `place`: where it stands; null when it holds nothing. `unknown`: a type or an `applied` that
 * means nothing here, which is ignored; `unreadable`: no JSON object with a type.
 */
export type DeviceMessage =
  | { readonly kind: 'hello'; readonly token: string | undefined; readonly place: Place | null }
  | { readonly kind: 'bad-hello'; readonly why: string }
  | { readonly kind: 'ping' }
  | { readonly kind: 'applied'; readonly seq: number }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unreadable' }

/** Reads a message of a device. */
export function messageIn(text: string): DeviceMessage {
  const message = jsonObject(text)
  const type = message?.['type']
  if (type === 'hello') return helloIn(message)
  if (type === 'ping') return { kind: 'ping' }
  if (type !== 'applied') return { kind: typeof type === 'string' ? 'unknown' : 'unreadable' }
  const parsed = said.applied.safeParse(message)
  return parsed.success ? { kind: 'applied', seq: parsed.data.seq } : { kind: 'unknown' }
}

// A close frame has room for 123 bytes of reason.
const WHY_CHARACTERS = 120

function helloIn(message: unknown): DeviceMessage {
  const parsed = said.hello.safeParse(message)
  if (!parsed.success) {
    const { path, message: why } = parsed.error.issues[0]!
    return { kind: 'bad-hello', why: `hello: ${path.join('.')} ${why}`.slice(0, WHY_CHARACTERS) }
  }
  const { token, epoch, since, at } = parsed.data
  return { kind: 'hello', token, place: epoch === undefined || since === undefined ? null : { epoch, since, at } }
}

const fromServer = {
  resumed: z.object({ type: z.literal('resumed'), epoch: idField, head: seq }),
  resync: z.object({ type: z.literal('resync'), reason: resyncReason, epoch: idField, head: seq }),
  snapshot: z.object({ type: z.literal('snapshot'), ...snapshotFields }),
  changes: z.object({ type: z.literal('changes'), changes: z.array(changeShape).min(1) }),
  heartbeat: z.object({
    type: z.literal('heartbeat'),
    epoch: idField,
    head: seq,
    at: sentInstant,
    horizon: sentInstant,
    hash: snapshotFields.hash,
  }),
  reconnect: z.object({ type: z.literal('reconnect'), afterMillis: z.int().min(0), reason: z.string() }),
  pong: z.object({ type: z.literal('pong') }),
}

const tells = (name: keyof typeof fromServer, summary: string): MessageKind => ({
  name,
  socket: 'stream',
  from: 'server',
  summary,
  shape: fromServer[name],
})
const hears = (name: keyof typeof said, summary: string): MessageKind => ({
  name,
  socket: 'stream',
  from: 'client',
  summary,
  shape: said[name],
})

/** Every message of the stream. */
export const streamMessages: readonly MessageKind[] = [
  tells('resumed', 'The device keeps its state. The changes that it missed follow'),
  tells('resync', 'The device starts over. The snapshot follows'),
  tells('snapshot', 'The whole floor after one change'),
  tells('changes', 'Consecutive changes'),
  tells('heartbeat', 'The head of the log, and the hash of the floor there'),
  tells('reconnect', 'This process is stopping: connect again after that time'),
  tells('pong', 'The answer to a ping'),
  hears('hello', 'The first message: the token and the position of the device'),
  hears('applied', 'The device shows a change'),
  hears('ping', 'The server answers with pong'),
]

import type { z } from 'zod'
import type { Upgrade } from '../src/changes/log/rules.ts'
import type { nouns } from '../src/floor/nouns.ts'
import type { Guest } from '../src/guests/guests.ts'
import type { Reservation } from '../src/reservations/reservations.ts'
import type { Table } from '../src/tables/tables.ts'

/** The words of docs/protocol.md as types. */

export type { Guest, Reservation, Table, Upgrade }

type Noun = (typeof nouns)[number]

/** Every kind that the server declares. Entities of others are kept and hashed all the same. */
export type Kinds = { readonly [N in Noun as N['kind']]: Readonly<z.output<N['schema']>> }
export type Kind = keyof Kinds

/** One thing on the floor. `value` is the whole of it. */
export interface Entity {
  readonly kind: string
  readonly id: string
  readonly version: number
  readonly value: Readonly<Record<string, unknown>>
}

/** `event` says what happened, for people; the state does not need it. */
export type Entry = (({ readonly op: 'put' } & Entity) | ({ readonly op: 'drop' } & Omit<Entity, 'value'>)) & {
  readonly event?: string
}

/** What one command did. */
export interface Change {
  readonly epoch: string
  readonly seq: number
  readonly at: string
  readonly command: string
  readonly mutationId: string | null
  readonly actorId: string | null
  /** Who acted, where it was not staff: the guest that `actorId` names, or the server by itself. */
  readonly actorKind?: 'guest' | 'server' | undefined
  readonly device: string | null
  readonly entries: readonly Entry[]
  /** The shape of entities changes from here on. */
  readonly upgrade?: readonly Upgrade[]
}

/** The exact state after the change `seq`. */
export interface Snapshot {
  readonly epoch: string
  readonly seq: number
  readonly at: string | null
  readonly horizon: string
  readonly hash?: string
  readonly entities: readonly Entity[]
}

export interface Heartbeat {
  readonly type: 'heartbeat'
  readonly epoch: string
  readonly head: number
  readonly at: string
  readonly horizon: string
  readonly hash: string
}

/** What the server says on the socket. */
export type ServerMessage =
  | { readonly type: 'resumed'; readonly epoch: string; readonly head: number }
  | { readonly type: 'resync'; readonly reason: string; readonly epoch: string; readonly head: number }
  | ({ readonly type: 'snapshot' } & Snapshot)
  | { readonly type: 'changes'; readonly changes: readonly Change[] }
  | Heartbeat
  | { readonly type: 'reconnect'; readonly afterMillis: number; readonly reason?: string }
  | { readonly type: 'pong' }

const TYPES = ['resumed', 'resync', 'snapshot', 'changes', 'heartbeat', 'reconnect', 'pong']

/** A frame read; null for a type that isn't known, or a text that isn't a message. */
export function readMessage(text: string): ServerMessage | null {
  try {
    const message = JSON.parse(text) as { type?: unknown } | null
    return TYPES.includes(message?.type as string) ? (message as ServerMessage) : null
  } catch {
    return null
  }
}

/** A refusal by this client itself: `code` is `queue-full`, `too-large`, `not-signed-in`, `wrong-credentials`, `unreachable`, `storage` or a server's. */
export class ClientError extends Error {
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ClientError'
    this.code = code
  }
}

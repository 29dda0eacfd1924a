import type { Conflict, Mutation } from './mutations.ts'

/** How a mutation ended. `result` is null where only its change was seen, its answer not. */
export type Settled<Result = unknown> =
  | { readonly outcome: 'done'; readonly seq: number | null; readonly result: Result | null }
  | { readonly outcome: 'refused'; readonly conflict: Conflict }
  /** A person took it back before it was sent, or everything on the device was forgotten. */
  | { readonly outcome: 'withdrawn' }

/**
 * Something that the server has not decided. `storing`: not on the device yet. `waiting`: never sent, so it can be withdrawn. `sending`: the server may
 * have it.
 */
export interface Pending {
  readonly id: string
  readonly command: string
  readonly input: Readonly<Record<string, unknown>>
  /** By the device's clock. */
  readonly madeAt: string
  /** Who did it, where that is stored. */
  readonly staffId?: string
  readonly stage: 'storing' | 'waiting' | 'sending'
}

/** Where an answered mutation stands in the log. */
export interface Place {
  readonly epoch: string | null
  readonly seq: number
}

/** A mutation in the queue. With a place it is done, and kept until the stored state has it: so the floor shown after a restart has it too. */
export interface Queued {
  readonly key: string
  readonly mutation: Mutation
  isStored: boolean
  /** It was sent, or may have been before a restart. */
  isSent: boolean
  place: Place | null
  settle?: (settled: Settled) => void
}

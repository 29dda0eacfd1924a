import type { z } from 'zod'
import type { Part } from '../src/floor/nouns.ts'
import type { Kind } from './words.ts'

/** The server's own commands, as types: their words, inputs and results are what it declares. */
export type Served = { readonly [P in Part as P['name']]: P }

export type CommandName = keyof Served
export type Inputs = { readonly [Name in CommandName]: z.input<Served[Name]['input']> }
/** Inputs as the server's commands get them: with defaults, and times in full. */
export type Parsed = { readonly [Name in CommandName]: z.output<Served[Name]['input']> }
export type Results = { readonly [Name in CommandName]: Awaited<ReturnType<Served[Name]['run']>> }

/** How a command is sent. */
export interface Way {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  /** Below `/v2/restaurants/{id}`; `:name` is a field of the input. */
  readonly path: string
  /** The device names what the command makes, so that it can go on with it before the server has heard of it. */
  readonly makesId?: true
  /**
   * The entity whose version goes with the command unless another is given: what this does would be wrong if someone else had changed the entity in the
   * meantime. The others protect themselves: a taken table is refused, and edits of different fields both stay.
   */
  readonly guards?: readonly [Kind, string]
}

/** A path with its parameters filled in, which fields they were, and the rest of the input. */
export function place(path: string, input: Readonly<Record<string, unknown>>) {
  const params: Record<string, string> = {}
  const body = { ...input }
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => {
    params[name] = String(input[name])
    delete body[name]
    return encodeURIComponent(params[name])
  })
  return { path: filled, params, body }
}

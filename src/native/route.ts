import type { FastifyInstance } from 'fastify'
import type { z } from 'zod'
import { originOf, type Origin } from '../platform/http/origin.ts'
import { inputOf } from '../changes/input.ts'
import type { Identities } from '../staff/access/identify.ts'
import type { Proven } from '../staff/staff.ts'
import type { SignInDeps } from '../staff/sign-ins/start-sign-in.ts'
import { identityOf, send } from './door.ts'
import { answerProblem } from './problem.ts'
import { objectIn, refuseQuery } from './request-input.ts'

/** What the native API's other routes need, those that are neither commands nor queries. */
export interface NativeRouteDeps extends SignInDeps {
  readonly identities: Identities
}

/** One parsed and admitted request to such a route. Public routes have no identity. */
export interface NativeCall<Input> {
  readonly deps: NativeRouteDeps
  readonly input: Input
  readonly identity: Proven
  readonly origin: () => Origin
}

/**
 * An endpoint of the native API outside a restaurant's path, with everything about it. `input` is the body of a POST.
 */
export interface NativeRoute<Input extends z.ZodType = z.ZodType> {
  readonly name: string
  readonly summary: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly access: 'public' | 'identity'
  readonly input: Input
  readonly answer: z.ZodType
  /** Statuses of its refusals, besides 503 and those of every body. */
  readonly refusals: readonly number[]
  handle(call: NativeCall<z.output<Input>>): Promise<object>
}

/** Declares an endpoint. */
export const nativeRoute = <Input extends z.ZodType>(r: NativeRoute<Input>): NativeRoute<Input> => r

const nobody = {} as Proven

/** Mounts an endpoint. */
export function mountNativeRoute(server: FastifyInstance, deps: NativeRouteDeps, r: NativeRoute): void {
  server.route({
    method: r.method,
    url: r.path,
    errorHandler: (error, request, reply) => void answerProblem(error, request, reply),
    handler: async (request, reply) => {
      const identity = r.access === 'public' ? nobody : await identityOf(deps.identities, request, 'self')
      refuseQuery(request)
      const input = inputOf(r, objectIn(request.body))
      const answer = await r.handle({ deps, input, identity, origin: () => originOf(request, reply) })
      // Tokens must not be cached on the way.
      return send(reply.header('cache-control', 'no-store'), answer)
    },
  })
}

import { Transform } from 'node:stream'
import type { FastifyInstance, FastifyRequest, RequestPayload } from 'fastify'
import { jsonText, utf8Text } from './body-text.ts'
import { limits } from '../limits.ts'

/** Whether a body of this content type is JSON. A body without a type is. */
function isJson(type: string | undefined): boolean {
  if (type === undefined || type === 'application/json' || type.trim() === '') return true
  const name = type.split(';', 1)[0]!.trim().toLowerCase()
  const [kind, ...rest] = name.split('/')
  return kind === 'application' && rest.length === 1 && (rest[0] === 'json' || rest[0]!.endsWith('+json'))
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route has no body: anything sent is ignored. */
    takesNoBody?: boolean
  }
}

/** A body that should be JSON and is not. `text`: the body; `cause`: the parser's error. */
export class MalformedJson extends Error {
  readonly text: string

  constructor(text: string, cause: unknown) {
    super('malformed JSON', { cause })
    this.text = text
  }
}

/**
 * Parses request bodies: JSON if the type says so or is missing; any other type stays a text. No body is undefined,
 * and so is the body of a route without one. The server's `bodyLimit` limits the size.
 */
export function readBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  // The first check is a fast path for the type that nearly all bodies have.
  for (const type of ['application/json', '*'])
    server.addContentTypeParser(type, { parseAs: 'buffer' }, (request, body, done) => {
      if (request.is404 || request.routeOptions.config.takesNoBody) return done(null, undefined)
      let value: unknown
      try {
        const type = request.headers['content-type']
        value = bodyOf(isJson(type) ? jsonText(body as Buffer) : utf8Text(body as Buffer), type)
      } catch (error) {
        return done(error as Error)
      }
      done(null, value)
    })
  // Fastify treats an invalid media type as an error. Here it is a type that is not JSON.
  server.addHook('onRequest', ({ raw: { headers } }, _, done) => {
    const type = headers['content-type']
    if (type !== undefined && type !== 'application/json')
      headers['content-type'] = isJson(type) ? 'application/json' : 'text/plain'
    done()
  })
}

function bodyOf(text: string, type: string | undefined): unknown {
  if (text === '') return undefined
  return isJson(type) ? parseJson(text) : text
}

/** Parses a body's JSON. Throws {@link MalformedJson}. */
export function parseJson(text: string): unknown {
  try {
    // The text is checked: parsing a megabyte of brackets takes a quarter of a second.
    if (isDeep(text)) throw new SyntaxError(TOO_DEEP)
    return JSON.parse(text)
  } catch (error) {
    throw new MalformedJson(text, error)
  }
}

export const TOO_DEEP = `nested more than ${limits.bodyLevels} levels deep`

const [QUOTE, BACKSLASH] = [0x22, 0x5c]

/** Whether JSON is nested deeper than any valid request. Serialising it again would exhaust the stack. */
function isDeep(text: string): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      for (at++; at < text.length && text.charCodeAt(at) !== QUOTE; at++) if (text.charCodeAt(at) === BACKSLASH) at++
      // Brackets and braces differ in one bit only: [ { and ] }.
    } else if ((code & ~0x20) === 0x5b) {
      if (++depth > limits.bodyLevels) return true
    } else if ((code & ~0x20) === 0x5d) depth--
  }
  return false
}

/**
 * The options of a route that needs a token. Without a good token, a body above `limits.openBodyBytes` is not read.
 * The answer is the token's `refusal`, although the contract checks the body's syntax first. `refusal` returns null
 * for a token that was signed here.
 */
export const bodyBehindToken = (refusal: (request: FastifyRequest) => Error | null) => ({
  bodyLimit: limits.bodyBytes,
  preParsing: (
    request: FastifyRequest,
    _: unknown,
    payload: RequestPayload,
    done: (error: Error | null, payload?: RequestPayload) => void,
  ) => {
    const length = request.headers['content-length']
    const isSmall =
      length === undefined ? request.headers['transfer-encoding'] === undefined : Number(length) <= limits.openBodyBytes
    const refused = isSmall ? null : refusal(request)
    if (!refused) done(null, payload)
    // A body that is too large for everyone gets that answer.
    else if (length !== undefined) done(Number(length) > limits.bodyBytes ? null : refused, payload)
    else done(null, payload.pipe(upTo(limits.openBodyBytes, refused)))
  },
})

/** Passes on this many bytes, and fails if there are more. */
function upTo(bytes: number, error: Error): Transform {
  let passed = 0
  return new Transform({
    transform(chunk: Buffer, _, done) {
      passed += chunk.length
      if (passed > bytes) done(error)
      else done(null, chunk)
    },
  })
}

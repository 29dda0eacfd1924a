import type { FastifyInstance } from 'fastify'

/** Levels of lists and objects within each other that a body may have. */
const DEEPEST = 100
const JSON_TYPE = /^\s*application\/([\w.+-]+\+)?json\s*(;|$)/i

/** A body that should have been JSON and is not. `text` is what came; `cause` is the parser's error. */
export class MalformedJson extends Error {
  readonly text: string

  constructor(text: string, cause: unknown) {
    super('malformed JSON', { cause })
    this.text = text
  }
}

/**
 * Reads request bodies: JSON where the type says so or says nothing; any other type is left as the text that it is. No body is undefined. The size is
 * bounded by the server's `bodyLimit`.
 */
export function readBodies(server: FastifyInstance): void {
  server.removeAllContentTypeParsers()
  // The first is the second, found at once for the type that nearly all have.
  for (const type of ['application/json', '*'])
    server.addContentTypeParser(type, { parseAs: 'string' }, ({ headers }, body, done) => {
      let value: unknown
      try {
        value = bodyOf(body.toString(), headers['content-type'])
      } catch (error) {
        return done(error as Error)
      }
      done(null, value)
    })
}

function bodyOf(text: string, type: string | undefined): unknown {
  if (text === '') return undefined
  if (type !== undefined && !JSON_TYPE.test(type)) return text
  try {
    const value: unknown = JSON.parse(text)
    if (isDeep(value)) throw new SyntaxError(`nested more than ${DEEPEST} levels deep`)
    return value
  } catch (error) {
    throw new MalformedJson(text, error)
  }
}

/** Whether a value is nested deeper than anything asked for here is; writing it out again would exhaust the stack. */
function isDeep(value: unknown, depth = 0): boolean {
  if (depth > DEEPEST) return true
  if (typeof value !== 'object' || value === null) return false
  for (const each of Array.isArray(value) ? value : Object.values(value)) if (isDeep(each, depth + 1)) return true
  return false
}

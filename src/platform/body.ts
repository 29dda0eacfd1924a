import type { FastifyInstance } from 'fastify'

/** Levels of lists and objects within each other that a body may have. */
const DEEPEST = 100

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
  server.addContentTypeParser(
    '*',
    { parseAs: 'string' },
    async (request: { headers: Record<string, unknown> }, body: string | Buffer) => {
      const text = body.toString()
      if (text === '') return undefined
      const type = request.headers['content-type']
      if (typeof type === 'string' && !/^\s*application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) return text
      try {
        const value: unknown = JSON.parse(text)
        if (isDeep(value)) throw new SyntaxError(`nested more than ${DEEPEST} levels deep`)
        return value
      } catch (error) {
        throw new MalformedJson(text, error)
      }
    },
  )
}

/** Whether a value is nested deeper than anything asked for here is; writing it out again would exhaust the stack. */
function isDeep(value: unknown, depth = 0): boolean {
  if (depth > DEEPEST) return true
  if (typeof value !== 'object' || value === null) return false
  for (const each of Array.isArray(value) ? value : Object.values(value)) if (isDeep(each, depth + 1)) return true
  return false
}

import type { FastifyInstance } from 'fastify'

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
        return JSON.parse(text) as unknown
      } catch (error) {
        throw new MalformedJson(text, error)
      }
    },
  )
}

import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * The limit of reads: node:http that checks the same token (HMAC-SHA-256) and serves the same bytes. Its parent tells it
 * what it serves, and it says its port.
 */

/** One answer: its body as base64, and its ETag. */
export interface Served {
  readonly secret: string
  readonly path: string
  readonly body: string
  readonly etag: string
}

function serve({ secret, path, body: text, etag }: Served): void {
  const body = Buffer.from(text, 'base64')
  const isGood = (header: string | undefined): boolean => {
    const token = header?.slice(7) ?? ''
    const dot = token.lastIndexOf('.')
    const given = Buffer.from(token.slice(dot + 1), 'base64url')
    const wanted = createHmac('sha256', secret).update(token.slice(0, dot)).digest()
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return false
    const claims = JSON.parse(Buffer.from(token.slice(token.indexOf('.') + 1, dot), 'base64url').toString()) as {
      exp: number
    }
    return claims.exp > Date.now() / 1000
  }
  const server = createServer((request, response) => {
    if (request.url !== path || !isGood(request.headers.authorization)) response.writeHead(401).end()
    else if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end()
    else response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length, etag }).end(body)
  })
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
}

process.once('message', serve)
process.once('disconnect', () => process.exit(0))

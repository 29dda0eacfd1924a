import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

// All files come from this server: a restaurant's network may reach nothing else.
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>QTable API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="api"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`
// The OAuth return page of swagger-ui, with its script where this server has it.
const REDIRECT = `<!doctype html>
<html lang="en-US">
<body>
<script src="/docs/assets/oauth2-redirect.js"></script>
</body>
</html>
`
const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#api', deepLinking: true, docExpansion: 'list' })\n`

const HTML = 'text/html; charset=utf-8'
/** The documentation paths of the old server. A wrong method or an extra slash is answered as the old server did. */
export const DOCUMENT_PATHS = ['/openapi.json', '/docs', '/docs/oauth2-redirect', '/redoc'] as const

/** /openapi.json and the pages that show it, and /asyncapi.yaml. */
export async function mountDocs(server: FastifyInstance, document: object, sockets: string): Promise<void> {
  const assets = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  const json = Buffer.from(JSON.stringify(document))
  await server.register(fastifyStatic, { root: assets, prefix: '/docs/assets/', index: false, decorateReply: false })
  const pages: Readonly<Record<(typeof DOCUMENT_PATHS)[number], readonly [type: string, text: string | Buffer]>> = {
    '/openapi.json': ['application/json', json],
    '/docs': [HTML, PAGE],
    '/docs/oauth2-redirect': [HTML, REDIRECT],
    '/redoc': [HTML, PAGE],
  }
  for (const url of DOCUMENT_PATHS) {
    const [type, text] = pages[url]
    server.route({ method: ['GET', 'HEAD'], url, handler: async (_, reply) => reply.type(type).send(text) })
  }
  server.get('/asyncapi.yaml', async (_, reply) => reply.type('application/yaml').send(Buffer.from(sockets)))
  server.get('/docs/start.js', async (_, reply) => reply.type('text/javascript; charset=utf-8').send(START))
}

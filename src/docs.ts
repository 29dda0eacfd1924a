import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

// Everything comes from this server: a restaurant's network may reach nothing else.
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
const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#api', deepLinking: true, docExpansion: 'list' })\n`

/** /openapi.json and the pages that show it, and /asyncapi.yaml. */
export async function mountDocs(server: FastifyInstance, document: object, sockets: string): Promise<void> {
  const assets = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))
  const json = Buffer.from(JSON.stringify(document))
  await server.register(fastifyStatic, { root: assets, prefix: '/docs/assets/', index: false, decorateReply: false })
  server.get('/openapi.json', async (_, reply) => reply.type('application/json').send(json))
  server.get('/asyncapi.yaml', async (_, reply) => reply.type('application/yaml').send(Buffer.from(sockets)))
  for (const path of ['/docs', '/redoc'])
    server.get(path, async (_, reply) => reply.type('text/html; charset=utf-8').send(PAGE))
  server.get('/docs/start.js', async (_, reply) => reply.type('text/javascript; charset=utf-8').send(START))
}

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSecure } from '../platform/http/origin.ts'
import type { OpsAccess } from './access.ts'
import { readAssets, type Asset } from './assets.ts'
import type { OpsSessions } from './session.ts'
import type { Watch } from './watch.ts'

/** What the page needs. */
export interface PageDeps {
  readonly access: OpsAccess
  readonly sessions: OpsSessions
  readonly watch: Watch
}

// Nothing is loaded from or sent to another origin, and no other page may frame it.
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}
const WRONG = 'That is not the token. It is the setting OPS_TOKEN, or stands in the file ops-token of the data folder.'
const LATER = 'Too many wrong tokens came from your address. Try again in some minutes.'

/** The operations page and its figures: /ops, /ops/sign-in, /ops/sign-out, /ops/figures, /ops/assets. Spec: O1. */
export function mountPage(server: FastifyInstance, { access, sessions, watch }: PageDeps): void {
  const assets = readAssets()
  const isSignedIn = (request: FastifyRequest) => sessions.isSignedIn(request.headers.cookie)
  const signInPage = (reply: FastifyReply, status: number, problem: string) => {
    const html = assets.get('sign-in.html')!.bytes.toString()
    return page(reply, html.replace('<!-- problem -->', problem && `<p role="alert">${problem}</p>`)).code(status)
  }
  server.get('/ops', async (request, reply) =>
    isSignedIn(request) ? page(reply, assets.get('page.html')!.bytes.toString()) : signInPage(reply, 200, ''),
  )
  server.get<{ Params: { name: string } }>('/ops/assets/:name', async (request, reply) => {
    const asset = assets.get(request.params.name)
    return asset ? sendAsset(request, reply, asset) : reply.callNotFound()
  })
  server.post('/ops/sign-in', async (request, reply) => {
    const token = new URLSearchParams(typeof request.body === 'string' ? request.body : '').get('token') ?? ''
    const admission = access.tries(token.trim(), request.ip)
    if (admission !== 'in') return admission === 'wait' ? signInPage(reply, 429, LATER) : signInPage(reply, 401, WRONG)
    reply.header('set-cookie', sessions.begin(isSecure(request)))
    return reply.redirect('/ops', 303)
  })
  server.post('/ops/sign-out', async (request, reply) =>
    reply.header('set-cookie', sessions.end(isSecure(request))).redirect('/ops', 303),
  )
  server.get<{ Querystring: { since?: string; minutes?: string } }>('/ops/figures', async (request, reply) => {
    reply.headers({ ...HEADERS, 'cache-control': 'no-store' })
    const admission = isSignedIn(request) ? 'in' : access.admits(request.headers.authorization, request.ip)
    if (admission !== 'in')
      return reply
        .code(admission === 'wait' ? 429 : 401)
        .headers(admission === 'wait' ? { 'retry-after': '60' } : { 'www-authenticate': 'Bearer' })
        .send({ detail: admission === 'wait' ? 'Too many wrong tokens' : 'Not signed in' })
    return watch.figures(numberOf(request.query.since), numberOf(request.query.minutes))
  })
}

const numberOf = (text: unknown): number => (typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : 0)

const page = (reply: FastifyReply, html: string): FastifyReply =>
  reply
    .headers({ ...HEADERS, 'cache-control': 'no-store' })
    .type('text/html; charset=utf-8')
    .send(html)

function sendAsset(request: FastifyRequest, reply: FastifyReply, { bytes, type, etag }: Asset): FastifyReply {
  reply.headers({ ...HEADERS, 'cache-control': 'no-cache', etag })
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  return reply.type(type).send(bytes)
}

import type { FastifyReply } from 'fastify'

const asItIs = (text: string): string => text

/**
 * Sends JSON with a content type without a charset; Fastify would add one to a text. Headers and body go out in one
 * piece, which a buffer would not.
 */
export const sendJson = (reply: FastifyReply, type: string, json: string): FastifyReply =>
  reply.header('content-type', type).serializer(asItIs).send(json)

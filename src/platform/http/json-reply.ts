import type { FastifyReply } from 'fastify'

const asItIs = (text: string): string => text

/** Sends JSON under a type that says nothing of a charset, which Fastify would add to a text's. In one piece with its headers, which a buffer would not be. */
export const sendJson = (reply: FastifyReply, type: string, json: string): FastifyReply =>
  reply.header('content-type', type).serializer(asItIs).send(json)

/**
 * The entry of each process that the first one starts. Loading the whole program takes one turn of the event loop: most of
 * a second, and several on busy cores. Meanwhile a process cannot notice that the first one has died. So the slowest
 * packages load one after the other, with a turn between them. Spec: H7.
 */
for (const name of ['zod', 'fastify', 'pino', 'pg', 'redis', 'ws', '@fastify/static']) await import(name)
await import('./main.ts')

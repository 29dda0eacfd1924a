import { z } from 'zod'
import { route } from './route.ts'
import { offsetTime, zuluTime } from './shapes.ts'
import { offset, zulu } from './times.ts'

/** The pages that need no token. */

export const root = route({
  method: 'GET',
  path: '/',
  name: 'root',
  summary: 'Name and version of the server',
  tag: 'pages',
  access: 'public',
  answer: z.object({ message: z.string(), version: z.string(), docs: z.string() }),
  handle: async () => ({ message: 'QTable API Server', version: '1.0.0', docs: '/docs' }),
})

export const health = route({
  method: 'GET',
  path: '/health',
  name: 'health',
  summary: 'The process answers',
  tag: 'pages',
  access: 'public',
  answer: z.object({ status: z.literal('healthy'), service: z.string() }),
  handle: async () => ({ status: 'healthy', service: 'qtable-api' }),
})

export const syncHealth = route({
  method: 'GET',
  path: '/api/sync/health',
  name: 'syncHealth',
  summary: 'The sync endpoints answer',
  tag: 'pages',
  access: 'public',
  answer: z.object({
    status: z.literal('healthy'),
    service: z.string(),
    timestamp: zuluTime,
    endpoints: z.array(z.string()),
    features: z.array(z.string()),
  }),
  handle: async ({ deps }) => ({
    status: 'healthy',
    service: 'sync_api',
    timestamp: zulu(deps.clock.now()),
    endpoints: ['/api/sync/full', '/api/sync/delta', '/api/sync/batch'],
    features: ['full_synchronization', 'delta_updates', 'batch_operations', 'conflict_detection', 'offline_support'],
  }),
})

export const atomicHealth = route({
  method: 'GET',
  path: '/api/v1/atomic/health',
  name: 'atomicHealth',
  summary: 'The atomic endpoints answer',
  tag: 'pages',
  access: 'public',
  answer: z.object({
    status: z.literal('healthy'),
    service: z.string(),
    timestamp: offsetTime,
    features: z.array(z.string()),
  }),
  handle: async ({ deps }) => ({
    status: 'healthy',
    service: 'atomic_operations',
    timestamp: offset(deps.clock.now()),
    features: [
      'atomic_batch_operations',
      'acid_compliance',
      'automatic_rollback',
      'real_time_broadcasting',
      'concurrent_transaction_support',
    ],
  }),
})

import { createClient } from 'redis'

/** Connections to Redis servers. */

export type Client = ReturnType<typeof openClient>

// A hung server gives no sign of it. A ping goes out this often, and a connection without any answer counts as dead.
const PING_MILLIS = 1_000
const SILENCE_MILLIS = 3_000
const CONNECT_MILLIS = 2_000
const RETRY_MILLIS = [100, 1_000] as const
/** A connection to one server, not open yet. */
export const openClient = (url: string) => createClient({ url, ...options() })

/** How every connection behaves. */
export const options = () => ({
  // The oldest protocol works with every Redis and every proxy.
  RESP: 2 as const,
  disableOfflineQueue: true,
  pingInterval: PING_MILLIS,
  // A timer per command costs three quarters of the throughput. The silence of the connection shows the same.
  socket: {
    connectTimeout: CONNECT_MILLIS,
    socketTimeout: SILENCE_MILLIS,
    reconnectStrategy: (retries: number) =>
      Math.min(RETRY_MILLIS[1], RETRY_MILLIS[0] * 2 ** retries) * (0.5 + Math.random() / 2),
  },
})

/** Whether a server belongs to a cluster. Throws when it cannot be asked. */
export async function isCluster(url: string): Promise<boolean> {
  const client = createClient({ url, socket: { connectTimeout: CONNECT_MILLIS, reconnectStrategy: false } })
  client.on('error', () => undefined) // connect tells
  try {
    await client.connect()
    return /cluster_enabled:1/.test(await client.info('cluster'))
  } finally {
    if (client.isOpen) client.destroy()
  }
}

/** The names of a server that match, some at a time. */
export const matching = (pattern: string) => ({ MATCH: pattern, COUNT: 1_000 })

/** Removes names as they are found. */
export async function removeAll(
  found: AsyncIterable<readonly string[]>,
  unlink: (name: string) => Promise<unknown>,
): Promise<void> {
  for await (const names of found) for (const name of names) await unlink(name)
}

import { limits } from '../platform/limits.ts'
import type { Meter } from '../platform/observability/meter.ts'
import { metrics } from '../platform/observability/metrics.ts'
import type { Topics } from '../platform/redis.ts'
import type { Hub } from '../changes/hub/hub.ts'
import type { LiveFloors } from '../changes/floor/live-floors.ts'

/** The open sockets of a door. */
interface Sockets {
  byRestaurant(): Iterable<readonly [restaurantId: string, count: number]>
}

/** The parts of an application that report figures of themselves. */
export interface Holders {
  readonly hub: Hub
  readonly floors: LiveFloors
  readonly sockets: Sockets & { readonly backlogBytes: { readonly realtime: number; readonly sync: number } }
  readonly stream: Sockets & { readonly backlogBytes: number }
  /** Null without Redis. */
  readonly redis: Topics | null | undefined
  /** Hints from other processes; absent with one process. */
  readonly hints?: { readonly refused: number } | undefined
  /** The access review. */
  readonly access?: { readonly figures: { readonly isHearing: boolean } }
  /** The cache of answers. */
  readonly answers?: {
    readonly figures: { readonly bytes: number; readonly entries: number; readonly evictions: number }
  }
}

/** Sets the gauges of these parts whenever they are read. */
export function observeHeld(meter: Meter, holders: Holders): void {
  observeLog(meter, holders)
  observeBacklog(meter, holders)
  if (holders.answers) observeAnswers(meter, holders.answers)
  if (holders.access) observeAccess(meter, holders.access)
  if (holders.redis) observeRedis(meter, holders.redis, holders.hints)
  meter.onCollect(() => tellRestaurants(meter, holders))
}

function observeLog(meter: Meter, { hub, floors }: Holders): void {
  const [changes, seconds] = [meter.cell(metrics.lagChanges), meter.cell(metrics.lagSeconds)]
  const watched = meter.cell(metrics.watched)
  const [held, idle] = [meter.cell(metrics.floors, 'held'), meter.cell(metrics.floors, 'idle')]
  const characters = meter.cell(metrics.floorCharacters)
  meter.onCollect(() => {
    const { lag } = hub
    changes.value = lag.changes
    seconds.value = lag.seconds
    watched.value = hub.figures.rooms
    const kept = floors.figures
    held.value = kept.floors - kept.idle
    idle.value = kept.idle
    characters.value = kept.characters
  })
}

function observeBacklog(meter: Meter, { sockets, stream }: Holders): void {
  const onStream = meter.cell(metrics.socketBacklog, 'stream')
  const onRealtime = meter.cell(metrics.socketBacklog, 'realtime')
  const onSync = meter.cell(metrics.socketBacklog, 'sync')
  meter.onCollect(() => {
    const { realtime, sync } = sockets.backlogBytes
    onStream.value = stream.backlogBytes
    onRealtime.value = realtime
    onSync.value = sync
  })
}

function observeAnswers(meter: Meter, answers: NonNullable<Holders['answers']>): void {
  const [bytes, entries] = [meter.cell(metrics.cacheBytes), meter.cell(metrics.cacheEntries)]
  const evictions = meter.cell(metrics.cacheEvictions)
  meter.onCollect(() => {
    const { figures } = answers
    bytes.value = figures.bytes
    entries.value = figures.entries
    evictions.value = figures.evictions
  })
}

function observeAccess(meter: Meter, access: NonNullable<Holders['access']>): void {
  const heard = meter.cell(metrics.accessHeard)
  meter.onCollect(() => (heard.value = access.figures.isHearing ? 1 : 0))
}

function observeRedis(meter: Meter, redis: Topics, hints: Holders['hints']): void {
  const up = meter.cell(metrics.redisUp)
  const [published, heard] = [meter.cell(metrics.redisPublished), meter.cell(metrics.redisHeard)]
  const [forgotten, refused] = [meter.cell(metrics.redisForgotten), meter.cell(metrics.redisRefused)]
  redis.observe?.((operation, seconds) => meter.histogram(metrics.redisDuration, operation).observe(seconds))
  meter.onCollect(() => {
    const { figures } = redis
    up.value = figures.connected ? 1 : 0
    published.value = figures.published
    heard.value = figures.heard
    forgotten.value = figures.forgotten
    refused.value = hints?.refused ?? 0
  })
}

/** The restaurants with the most sockets, by name and limited in number. */
function tellRestaurants(meter: Meter, { sockets, stream }: Holders): void {
  const open = new Map<string, number>()
  for (const [restaurantId, count] of [...sockets.byRestaurant(), ...stream.byRestaurant()])
    open.set(restaurantId, (open.get(restaurantId) ?? 0) + count)
  const most = [...open].sort(([, a], [, b]) => b - a).slice(0, limits.restaurantsInMetrics)
  meter.clear(metrics.restaurantSockets)
  for (const [restaurantId, count] of most) meter.cell(metrics.restaurantSockets, restaurantId).value = count
}

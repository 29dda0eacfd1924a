import type { FastifyInstance } from 'fastify'
import { socketTimes, type Config } from './config.ts'
import { readBodies } from './platform/http/body.ts'
import type { Db } from './platform/database/db.ts'
import { newId } from './platform/ids.ts'
import { limits } from './platform/limits.ts'
import type { Logger } from './platform/observability/log.ts'
import type { Questions } from './processes/ask-processes.ts'
import type { Planner } from './platform/observability/slow-statements.ts'
import type { Store, Topics } from './platform/redis.ts'
import type { Tokens } from './platform/tokens.ts'
import type { Clock } from './platform/clock.ts'
import { storeOf } from './changes/answers/answer-store.ts'
import { Answers } from './changes/answers/answers.ts'
import { Heads } from './changes/answers/heads.ts'
import { Hints } from './changes/hub/hints.ts'
import { Hub } from './changes/hub/hub.ts'
import { renewAfter } from './changes/housekeeping/lineage.ts'
import type { Change } from './changes/log/log.ts'
import { rewriting, type ChangeDeps, type Command } from './changes/command/command.ts'
import type { MessageKind } from './sockets/message-kind.ts'
import { LiveFloors } from './changes/floor/live-floors.ts'
import { streamMessages } from './native/stream/protocol.ts'
import type { Query } from './changes/query.ts'
import { AccessReview } from './staff/access/access-review.ts'
import { addStaff } from './staff/add-staff.ts'
import { deviceCommands } from './staff/devices/device-commands.ts'
import { listDevices } from './staff/devices/list-devices.ts'
import { setPin } from './staff/set-pin.ts'
import { endSignIns } from './staff/end-sign-ins.ts'
import { Identities } from './staff/access/identify.ts'
import { listStaff } from './staff/list-staff.ts'
import { updateStaff } from './staff/update-staff.ts'
import { messageCommands, messageQueries } from './messages/api.ts'
import { getRotation } from './floor/get-rotation.ts'
import { peopleCommands, peopleQueries } from './floor/people/guest-book.ts'
import { getSettings } from './settings/get-settings.ts'
import { listTables } from './tables/list-tables.ts'
import { listReservations } from './reservations/list-reservations.ts'
import { expireDue } from './floor/expire-due.ts'
import { getFloor } from './floor/get-floor.ts'
import { getFloorSince } from './floor/get-floor-since.ts'
import { getGuest } from './guests/get-guest.ts'
import { linkCommands } from './links/link-commands.ts'
import { listGuests } from './guests/list-guests.ts'
import { listMessages } from './guests/list-messages.ts'
import { sendMessage } from './guests/send-message.ts'
import { insightQueries } from './insights/insight-queries.ts'
import { floorCommands, nouns } from './floor/nouns.ts'
import { runBatch } from './floor/run-batch.ts'
import { runEach } from './floor/run-each.ts'
import * as auth from './ios/auth.ts'
import * as batch from './ios/batch/batch.ts'
import * as dashboards from './ios/dashboards.ts'
import * as guests from './ios/guests.ts'
import * as pages from './ios/pages.ts'
import * as reservations from './ios/reservations.ts'
import * as sync from './ios/sync.ts'
import * as tables from './ios/tables.ts'
import { mountCors } from './ios/cors.ts'
import { mountFallback } from './ios/fallback.ts'
import { answerNoRoute } from './native/problem.ts'
import { messages as iosMessages } from './ios/sockets/message-shapes.ts'
import { mount, type IosDeps, type Route } from './ios/route.ts'
import { RepeatedReads } from './ios/kept-answers/repeated-reads.ts'
import { IosSockets } from './ios/sockets/sockets.ts'
import { mountNative } from './native/door.ts'
import { mountGuestDoor } from './native/guest-door/guest-door.ts'
import type { GuestEvents } from './native/guest-door/guest-events.ts'
import { changes, snapshot, type FloorRead } from './native/floor-reads.ts'
import { Stream } from './native/stream/stream.ts'
import { mountNativeRoute, type NativeRoute } from './native/route.ts'
import { deviceRoutes } from './native/devices.ts'
import { signInRoutes } from './native/sign-ins.ts'
import { openOps } from './open-ops.ts'
import type { Ops } from './ops/ops.ts'
import { mountReplies } from './replies/sms-replies.ts'
import { createServer, takeFirst, takeUpgrades } from './http-server.ts'
import { DOCUMENT_PATHS, mountDocs } from './api-documents/docs.ts'
import { openApi } from './api-documents/openapi.ts'
import { keysOf } from './secret.ts'
import { asyncApi } from './api-documents/asyncapi.ts'
import { yaml } from './api-documents/yaml.ts'

/** Every command there is. Each is a route of the native API, and the iPad's contract is made of the same ones. */
export const commands: readonly Command[] = [
  addStaff,
  setPin,
  ...deviceCommands,
  updateStaff,
  endSignIns,
  ...peopleCommands,
  sendMessage,
  ...messageCommands,
  ...floorCommands,
  runBatch,
  runEach,
  expireDue,
  ...linkCommands,
]

/** Every query there is. */
export const queries: readonly Query[] = [
  listStaff,
  listDevices,
  ...peopleQueries,
  listTables,
  listReservations,
  listGuests,
  getGuest,
  getFloor,
  getFloorSince,
  listMessages,
  ...messageQueries,
  getSettings,
  ...insightQueries,
  getRotation,
]

/** What the native API has beside commands and queries: signing in, and who one is. */
export const nativeRoutes: readonly NativeRoute[] = [...signInRoutes, ...deviceRoutes]

/** Reads of the floor as the stream has it. */
export const floorReads: readonly FloorRead[] = [snapshot, changes]

/** Every endpoint of the iPad's contract. Its two sockets are in ios/sockets/sockets.ts. Of two with the same path the first one's method is what a 405 allows. */
export const routes: readonly Route[] = [
  pages.root,
  pages.health,
  pages.syncHealth,
  pages.atomicHealth,
  auth.register,
  auth.login,
  auth.me,
  guests.guestsList,
  guests.guestsCreate,
  guests.guestsGet,
  guests.guestsUpdate,
  guests.guestsDelete,
  tables.tablesList,
  tables.tablesCreate,
  tables.tablesBulk,
  tables.tablesUpdate,
  tables.tablesDelete,
  tables.tablesClear,
  reservations.reservationsList,
  reservations.reservationsCreate,
  reservations.reservationsUpdate,
  reservations.reservationsCancel,
  batch.batchUpdate,
  batch.atomicBatch,
  batch.guestStatusAtomic,
  sync.syncFull,
  sync.syncDelta,
  sync.syncBatch,
  dashboards.dashboardData,
  dashboards.restaurantDashboard,
  dashboards.v1Dashboard,
  dashboards.dashboardUpdates,
]

/** Every message of every socket. */
export const messages: readonly MessageKind[] = [...iosMessages, ...streamMessages]

// ---------------------------------------------------------------- the building

/** What the application stands on. */
export interface AppDeps {
  readonly config: Config
  readonly secretKey: string
  readonly db: Db
  readonly clock: Clock
  readonly log: Logger
  /** Brings word of changes to other processes and back, where there are any. */
  readonly topics?: Topics
  /** Keeps answers for other processes and the next start, where there is such a place. */
  readonly store?: Store
  /** Whether no other process writes to this database. */
  readonly isSole?: boolean
  /** How all processes of this machine are asked something, where there are several. */
  readonly questions?: Questions
  /** Tells the plans of slow statements, where they are wanted. */
  readonly planner?: Planner | null
}

/** The application: a server that listens nowhere yet, its hub and its sockets. `close` stops all of it and leaves the database open. */
export interface App {
  readonly server: FastifyInstance
  readonly hub: Hub
  readonly sockets: IosSockets
  readonly stream: Stream
  readonly guestEvents: GuestEvents
  readonly floors: LiveFloors
  readonly answers: Answers
  readonly heads: Heads
  readonly repeated: RepeatedReads
  /** What commands run on. */
  readonly changes: ChangeDeps
  readonly identities: Identities
  readonly access: AccessReview
  readonly tokens: Tokens
  readonly ops: Ops
  close(): Promise<void>
}

const KNOWN = [...routes, ...DOCUMENT_PATHS.map((path) => ({ path, method: 'GET, HEAD' }))]

/** Puts the application together. */
export async function buildApp(given: AppDeps): Promise<App> {
  const { config, secretKey, db, clock, log, topics, isSole = false } = given
  const api = openApi({ routes, nativeRoutes, commands, queries, floorReads })
  const ops = openOps(given)
  const hub = new Hub(db, log, limits.headPollMillis, isSole, renewAfter({ db, clock, log }))
  const keys = keysOf(secretKey, clock, db)
  const identities = new Identities(db, keys.tokens)
  const hints = topics && new Hints({ topics, hub, secretKey, log, commits: ops.commits })
  const forgets = { commands: rewriting(commands), after: (id: string) => answers.forget(id) }
  const publish = (change: Change) => {
    ops.committed(change)
    hub.publish(change)
    hints?.tell(change)
    if (forgets.commands.has(change.command)) forgets.after(change.restaurantId)
  }
  const historyDays = Math.min(config.HISTORY_DAYS || limits.streamDays, limits.streamDays)
  const floors = new LiveFloors({ db, hub, clock, log, kinds: nouns, historyDays, forgets })
  const heads = new Heads(db, hub, isSole)
  const answers = new Answers({ heads, floors, clock, ...storeOf(given, api) })
  const access = new AccessReview(db, identities, log)
  const repeated = new RepeatedReads({ answers, heads, identities })
  const deps: IosDeps = {
    db,
    clock,
    newId,
    publish,
    doubt: (restaurantId) => hub.doubt(restaurantId),
    commits: ops.commits,
    ...keys,
    identities,
    tokenMinutes: config.ACCESS_TOKEN_EXPIRE_MINUTES,
    historyDays: config.HISTORY_DAYS,
    floorDays: historyDays,
    answers,
    repeated,
  }
  const open = { access, clock, log, times: socketTimes(config), ...ops.socketWatch }
  const sockets = new IosSockets({ ...deps, ...open, hub, tokenless: config.TOKENLESS_SOCKETS })
  const stream = new Stream({ ...open, db, floors, identities, random: Math.random })

  const server = createServer(log)
  const watch = ops.watch(server)
  const guestEvents = mountDoors(server, config, { ...deps, floors })
  await mountDocs(server, api, yaml(asyncApi(messages)))
  ops.mount(server, { hub, floors, answers, sockets, stream, access, hints, redis: config.REDIS_URL ? topics : null })
  mountFallback(server, KNOWN, { prefix: '/v2/', answerNoRoute })
  takeFirst(server, (request, response, otherwise) => repeated.takes(watch, request, response, otherwise))
  takeUpgrades(server, [stream, sockets], ops.socketWatch.observer)

  const close = async () => {
    for (const each of [repeated, guestEvents]) each.close()
    await Promise.all([sockets.close(), stream.close()])
    await server.close()
    for (const each of [answers, floors]) each.close()
    await access.close()
    hub.close()
    await ops.close()
  }
  const parts = { server, hub, sockets, stream, guestEvents, floors, answers, heads, repeated, identities, access, ops }
  return { ...parts, tokens: keys.tokens, changes: deps, close }
}

function mountDoors(
  server: FastifyInstance,
  config: Config,
  deps: IosDeps & { readonly floors: LiveFloors },
): GuestEvents {
  readBodies(server)
  mountCors(server, config.CORS_ORIGINS)
  for (const r of routes) mount(server, deps, r)
  mountNative(server, deps, { commands, queries, floorReads })
  const { PUBLIC_URL: publicUrl, SMS_TOKEN: token } = config
  mountReplies(server, deps, publicUrl !== null && token !== null ? { publicUrl, token } : null)
  const refreshDays = config.REFRESH_TOKEN_EXPIRE_DAYS
  for (const r of nativeRoutes) mountNativeRoute(server, { ...deps, refreshDays }, r)
  return mountGuestDoor(server, deps)
}

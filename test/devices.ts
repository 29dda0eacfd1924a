import { ACCOUNT, QTable } from '../client/client.ts'
import type { Sent } from '../client/methods.ts'
import { surroundings } from '../client/node.ts'
import { TOKENS, type Tokens } from '../client/session.ts'
import { MemoryStorage, type ClientStorage, type Op } from '../client/storage.ts'
import type { Surroundings } from '../client/surroundings.ts'
import { nouns } from '../src/floor/nouns.ts'
import { PARTY_STATUSES } from '../src/parties/rules.ts'
import { TABLE_STATUSES } from '../src/tables/rules.ts'
import type { Restaurant, TestApp, TestDatabase } from './kit.ts'
import { upTo } from './patience.ts'

/** Devices for tests: the real client over a network that can be taken away and loses answers, and a storage that can die. */

/** A network between one device and the server. */
export class Network {
  isDown = false
  /** Whether to lose this answer: the request has arrived. */
  loses: (url: string) => boolean = () => false
  /** Whether a frame arrives. */
  hears: (text: string) => boolean = () => true
  /** Where an address leads: a server that came back may have another. */
  route: (url: string) => string = (url) => url
  requests = 0
  sockets = 0
  #sockets = new Set<() => void>()

  /** Pulls the plug: requests under way have arrived or not, sockets hear nothing more. */
  down(): void {
    this.isDown = true
    for (const cut of this.#sockets) cut()
    this.#sockets.clear()
  }

  up(): void {
    this.isDown = false
  }

  around(at: Surroundings): Surroundings {
    return {
      ...at,
      fetch: async (url, request) => {
        if (this.isDown) throw new Error('no network')
        this.requests++
        const answer = await at.fetch(this.route(url), request)
        const text = await answer.text()
        if (this.isDown || this.loses(url)) throw new Error('the answer was lost')
        return { ...answer, status: answer.status, headers: answer.headers, text: () => Promise.resolve(text) }
      },
      openSocket: (url, token, handlers) => {
        let isCut = false
        const closed = (code: number) => {
          if (!isCut) handlers.onClose(code)
          isCut = true
        }
        if (this.isDown) {
          queueMicrotask(() => closed(1006))
          return { send: () => undefined, close: () => undefined }
        }
        this.sockets++
        const socket = at.openSocket(this.route(url), token, {
          onOpen: () => isCut || handlers.onOpen(),
          onText: (text) => isCut || !this.hears(text) || handlers.onText(text),
          onClose: closed,
        })
        this.#sockets.add(() => {
          closed(1006)
          socket.close()
        })
        return socket
      },
    }
  }
}

/** A storage whose process dies in the middle of its n-th write: done or not, it never returns, and nothing works after it. */
export class MortalStorage implements ClientStorage {
  writes = 0
  readonly #under: ClientStorage
  readonly #diesAt: number
  readonly #isWritten: boolean
  readonly #died: () => void

  constructor(under: ClientStorage, diesAt: number, isWritten: boolean, died: () => void) {
    this.#under = under
    this.#diesAt = diesAt
    this.#isWritten = isWritten
    this.#died = died
  }

  get isDead(): boolean {
    return this.writes >= this.#diesAt
  }

  load(): Promise<Map<string, unknown>> {
    return this.#under.load()
  }

  get(key: string): Promise<unknown> {
    return this.#under.get(key)
  }

  async write(ops: readonly Op[]): Promise<void> {
    this.writes++
    if (this.writes === this.#diesAt && this.#isWritten) await this.#under.write(ops)
    if (this.isDead) {
      this.#died()
      throw new Error('dead')
    }
    await this.#under.write(ops)
  }

  clear(): Promise<void> {
    return this.#under.clear()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

export interface TestDevice {
  readonly client: QTable
  readonly network: Network
  readonly storage: ClientStorage
}

/** A device of a restaurant's owner, signed in, not started. */
export async function openTestDevice(
  app: Pick<TestApp, 'base'>,
  restaurant: Restaurant,
  options: { storage?: ClientStorage; network?: Network; device?: string; random?: () => number } = {},
): Promise<TestDevice> {
  const { storage = new MemoryStorage(), network = new Network(), device = 'Test', random = Math.random } = options
  const stored = await storage.load()
  if (!stored.has(TOKENS)) {
    // A sign-in of its own: what lasts for hours renews its tokens.
    const { expiresInSeconds, ...given } = await restaurant.signIn(device)
    const lifeMillis = expiresInSeconds * 1000
    const tokens: Tokens = { ...given, expiresAt: Date.now() + lifeMillis, lifeMillis }
    const { restaurantId, staffId } = given
    await storage.write([
      { put: TOKENS, value: tokens },
      { put: ACCOUNT, value: { restaurantId, staffId } },
    ])
  }
  const at = { ...network.around(surroundings(storage)), random }
  return { client: await QTable.open(at, { server: app.base, device }), network, storage }
}

/** Resolves when it holds of the client; rejects after `millis`, on a slow machine later. */
export async function until(client: QTable, holds: () => boolean, millis = 15_000): Promise<void> {
  if (holds()) return
  await new Promise<void>((resolve, reject) => {
    const stop = client.subscribe(() => holds() && end())
    const poll = setInterval(() => holds() && end(), 50)
    const timer = setTimeout(() => {
      end()
      reject(new Error(`waited ${upTo(millis)} ms in vain: ${client.status}, seq ${client.confirmed.seq}`))
    }, upTo(millis))
    const end = () => {
      stop()
      clearInterval(poll)
      clearTimeout(timer)
      resolve()
    }
  })
}

/** Every entity of a restaurant as SQL has it, by kind and id. */
export async function storedFloor(
  app: { readonly database: Pick<TestDatabase, 'sql'> },
  restaurant: Restaurant,
): Promise<Map<string, object>> {
  const { body } = await restaurant.v2('GET', '/snapshot')
  const entities = body.entities as { kind: string; id: string; value: object }[]
  const floor = new Map(entities.map(({ kind, id, value }) => [`${kind} ${id}`, value]))
  for (const { kind, table } of nouns) {
    const rows = await app.database.sql<{ id: string; version: number }>(
      `select id, version from qtable.${table} where restaurant_id = $1`,
      [restaurant.id],
    )
    const inSql = rows.map(({ id, version }) => `${kind} ${id} ${version}`).sort()
    const told = entities
      .filter((each) => each.kind === kind)
      .map(({ id, value }) => `${kind} ${id} ${(value as { version: number }).version}`)
    if (JSON.stringify(told.sort()) !== JSON.stringify(inSql))
      throw new Error(`the snapshot is not what SQL has: ${kind}`)
  }
  return floor
}

/** What a device shows, in the same form. */
export function shownFloor({ floor }: QTable): Map<string, object> {
  return new Map(nouns.flatMap(({ kind }) => floor.all(kind).map((value) => [`${kind} ${value.id}`, value] as const)))
}

/** What a host might do next, with what is shown: likely things often, everything sometimes. */
export function doSomething({ client }: TestDevice, random: () => number): Sent {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
  const { tables, guests, reservations } = client.floor
  const { do: host } = client
  const [guest, table, reservation] = [pick(guests), pick(tables), pick(reservations)]
  const free = pick(tables.filter((each) => each.status === 'available'))
  if (!guest || !table) return host.addGuest({ firstName: 'First', partySize: 2 })
  const guestId = guest.id
  const tableId = table.id
  const size = 1 + Math.floor(random() * 5)
  const choices: (() => Sent)[] = [
    () => host.addGuest({ firstName: 'Ada', partySize: size }),
    () => host.addGuest({ firstName: 'Bob', partySize: size, status: 'confirmed', tableId, takeOver: random() < 0.5 }),
    ...(free ? Array.from({ length: 3 }, () => () => host.seatGuest({ guestId, tableId: free.id })) : []),
    () => host.seatGuest({ guestId, tableId, force: random() < 0.3 }),
    () => host.moveGuest({ guestId, tableId: free?.id ?? tableId }),
    () => host.updateGuest({ guestId, notes: `n${random()}`, partySize: size }),
    () => host.updateGuest({ guestId, tableId: random() < 0.3 ? null : tableId, takeOver: random() < 0.5 }),
    () => host.updateGuest({ guestId, tableId, status: pick(PARTY_STATUSES)! }),
    // No table has a guest's id.
    () => host.updateGuest({ guestId, tableId: guestId, status: pick(PARTY_STATUSES)! }),
    () => host.seatGuest({ guestId, tableId: guestId }),
    () => host.updateGuest({ guestId, phase: pick(['waiting', 'seated', 'completed'] as const)! }),
    () => host.setGuestStatus({ guestId, status: pick(PARTY_STATUSES)!, force: random() < 0.2 }),
    () => host.clearTable({ tableId }),
    () => host.deleteGuest({ guestId }),
    () => host.addTable({ number: `${Math.floor(random() * 30)}`, capacity: 4, x: random(), y: 0 }),
    () => host.removeTable({ tableId }),
    () => host.updateTable({ tableId, section: `s${size}`, number: `${Math.floor(random() * 60)}` }),
    () => host.updateTable({ tableId, status: pick(TABLE_STATUSES)! }),
    () => host.updateTable({ tableId, partyId: guestId, takeOver: random() < 0.5 }),
    () => host.updateTable({ tableId, partyId: guestId, number: `${Math.floor(random() * 30)}` }),
    () => host.updateTable({ tableId, partyId: null }),
    () => host.addReservation({ guestName: 'Hopper', partySize: size }),
    ...(reservation
      ? [
          () => host.cancelReservation({ reservationId: reservation.id }),
          () => host.updateReservation({ reservationId: reservation.id, tableId: free?.id ?? tableId }),
          () => host.updateReservation({ reservationId: reservation.id, status: pick(PARTY_STATUSES)! }),
          () => host.updateTable({ tableId, partyId: reservation.id, takeOver: random() < 0.5 }),
        ]
      : []),
  ]
  return pick(choices)!()
}

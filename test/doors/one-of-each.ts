import { limits } from '../../src/platform/limits.ts'
import { floorCommands, nouns, type Kind } from '../../src/floor/nouns.ts'
import { newId } from '../../src/platform/ids.ts'
import type { Restaurant } from '../kit.ts'
import {
  addDevice,
  colleague,
  entityOf,
  goodAddress,
  goodBody,
  knowingBody,
  operations,
  type EntityKind,
  type Operation,
} from './operations.ts'
import { plain, present } from './schemas.ts'

/** Entities of every kind that `src/floor/nouns.ts` lists, made by their own commands. A new kind needs nothing here. */

const called = (name: string): Operation => {
  const op = operations.find((each) => each.name === name)
  if (!op?.body)
    throw new Error(`src/floor/nouns.ts lists no command ${name}: the matrices make one of each kind with it`)
  return op
}

/** Kinds that the server makes: no command adds one, and none names one. */
export const isMadeByServer = (kind: Kind): boolean => kind === 'turn'

/** Adds one of a kind, as plain as its schema lets it be; its id. */
export async function addOne(
  restaurant: Pick<Restaurant, 'v2'>,
  kind: Kind,
  more: object | false = {},
): Promise<string> {
  // Known by their e-mails, which only one may have.
  if (kind === 'staff') return colleague(restaurant)
  // There from the first moment on.
  if (kind === 'settings') return (await restaurant.v2('GET', '/settings')).body.result.id
  if (isMadeByServer(kind)) return newId()
  const op = called(`add-${kind}`)
  const body = {
    ...(plain(op.body!) as object),
    ...(kind === 'table' && { capacity: 8 }),
    ...(kind === 'guest' && { phone: '+4930901820' }),
    ...more,
  }
  const make = () => restaurant.v2(op.method, op.path.replace('/v2/restaurants/{restaurantId}', ''), body)
  let made = await make()
  if (made.status === 409 && made.text.includes('"too-many-')) {
    await removeOldest(restaurant, kind)
    made = await make()
  }
  if (made.status !== 200) throw new Error(`${op.name}: ${made.text}`)
  return made.body.result.id
}

/** Removes the older half of a kind of which a restaurant may have few. */
async function removeOldest(restaurant: Pick<Restaurant, 'v2'>, kind: Kind): Promise<void> {
  const { entities } = (await restaurant.v2('GET', '/snapshot')).body as { entities: { kind: Kind; id: string }[] }
  // Ids are in the order of time.
  const ids = entities.filter((each) => each.kind === kind).map(({ id }) => id)
  const { path } = floorCommands.find(({ name }) => name === `remove-${kind}`)!
  for (const id of ids.toSorted().slice(0, ids.length / 2))
    await restaurant.v2('DELETE', path.replace(`:${kind}Id`, id))
}

/** Whether a device may name a new entity of a kind. */
export const takesId = (kind: Kind): boolean =>
  kind !== 'settings' && !isMadeByServer(kind) && 'id' in (called(`add-${kind}`).body!.properties ?? {})

/** Somebody and a shared device of a restaurant: the same again, since a password takes long to hash and devices are few. */
const colleagues = new WeakMap<object, Promise<string>>()
const shared = new WeakMap<object, Promise<{ id: string }>>()

/** A restaurant has few areas: of those that were made here, the older ones go. */
async function makeRoom(restaurant: Pick<Restaurant, 'v2'>): Promise<void> {
  const { entities } = (await restaurant.v2('GET', '/snapshot')).body
  const areas = (entities as { kind: string; id: string }[]).filter(({ kind }) => kind === 'area')
  if (areas.length < limits.areasPerRestaurant / 2) return
  for (const { id } of areas.slice(0, areas.length / 2)) await restaurant.v2('DELETE', `/areas/${id}`)
}

/** Adds one of each kind, with a mark in every text where one is given, and a message to the guest; their ids. */
export async function oneOfEach(
  restaurant: Pick<Restaurant, 'v2'>,
  mark?: string,
): Promise<Record<EntityKind | 'message', string>> {
  const ids: Partial<Record<EntityKind, string>> = {}
  await makeRoom(restaurant)
  for (const { kind } of nouns)
    if (kind !== 'staff') ids[kind] = await addOne(restaurant, kind, mark !== undefined && marked(kind, mark))
  const staff = colleagues.get(restaurant) ?? colleague(restaurant)
  colleagues.set(restaurant, staff)
  ids.staff = await staff
  const device = shared.get(restaurant) ?? addDevice(restaurant)
  shared.set(restaurant, device)
  ids.device = (await device).id
  ids.person = await addPerson(restaurant)
  return { ...(ids as Record<EntityKind, string>), message: await addMessage(restaurant, ids.guest!) }
}

/** Adds a person to the guest book; its id. */
export async function addPerson(restaurant: Pick<Restaurant, 'v2'>): Promise<string> {
  return (await restaurant.v2('POST', '/people', {})).body.result.id
}

/** Writes a message to a guest; its id. */
export async function addMessage(restaurant: Pick<Restaurant, 'v2'>, guestId: string): Promise<string> {
  const made = await restaurant.v2('POST', '/messages', { guestId, template: 'table-ready', channel: 'webhook' })
  if (made.status !== 200) throw new Error(`send-message: ${made.text}`)
  return made.body.result.id
}

/** Something for each kind. */
export const forEachKind = <T>(of: (kind: EntityKind) => T): Record<EntityKind, T> =>
  Object.fromEntries(
    [...nouns.map(({ kind }) => kind), 'device' as const, 'person' as const].map((kind) => [kind, of(kind)]),
  ) as Record<EntityKind, T>

/** The fields of a kind that are any text, each with its name behind a mark. */
export function marked(kind: Kind, mark: string): Record<string, string> {
  if (kind === 'settings' || isMadeByServer(kind)) return {}
  const fields = Object.entries(called(`add-${kind}`).body!.properties ?? {}).filter(([name, schema]) => {
    const { type, enum: words, format } = present(schema)
    return type === 'string' && !words && !format && entityOf(name, called(`add-${kind}`)) === undefined
  })
  return Object.fromEntries(fields.map(([name, of]) => [name, `${mark} ${name}`.slice(0, present(of).maxLength)]))
}

/** A body that changes something, for the command `update-KIND`: its first field that names nobody. */
export function changingBody(op: Operation): object | undefined {
  if (!nouns.some(({ kind }) => op.name === `update-${kind}`)) return undefined
  const field = Object.entries(op.body!.properties ?? {}).find(
    ([name]) => name !== 'version' && entityOf(name, op) === undefined,
  )
  return field && { [field[0]]: plain(field[1]) }
}

/** The native operations that `src/floor/nouns.ts` lists. */
export const floorOperations = operations.filter(({ name }) => floorCommands.some((each) => each.name === name))

/** A request for one of them, as plain as its schema lets it be, about entities that are made for it. */
export async function plainRequest(
  op: Operation,
  restaurant: Restaurant,
): Promise<[method: string, path: string, body: unknown]> {
  const ids = { restaurant: restaurant.id, ...(await oneOfEach(restaurant)) }
  await makeReady(op.name, restaurant, ids)
  const body = (await knowingBody(op, restaurant)) ?? changingBody(op) ?? (op.body && goodBody(op, ids))
  return [op.method, goodAddress(op, ids), body]
}

const ENOUGH = 4

/** The ids of each kind that a restaurant has. */
type Known = Readonly<Record<EntityKind | 'message', readonly string[]>>

/** How many of a kind are enough: a restaurant has its settings once, and what the server makes may be missing. */
const enoughOf = (kind: string): number => (kind === 'settings' ? 1 : isMadeByServer(kind as Kind) ? 0 : ENOUGH)

/** Whether a restaurant has some of each kind. */
export const isEnough = (known: Known): boolean =>
  Object.entries(known).every(([kind, { length }]) => length >= enoughOf(kind))

/** Adds one more of each kind; of those that are few or cost much, only as many as are wanted. `newId`: for devices' ids. */
export async function addMore(restaurant: Pick<Restaurant, 'v2'>, known: Known, newId: () => string): Promise<void> {
  if (known.staff.length < ENOUGH) await colleague(restaurant)
  if (known.device.length < ENOUGH) await addDevice(restaurant)
  if (known.person.length < ENOUGH) await addPerson(restaurant)
  const [guest] = known.guest
  if (known.message.length < ENOUGH && guest !== undefined) await addMessage(restaurant, guest)
  for (const { kind } of nouns) if (kind !== 'staff') await addOne(restaurant, kind, takesId(kind) && { id: newId() })
}

/** Makes of a table or a party what a command needs, so that the command changes something. */
export async function makeReady(command: string, restaurant: Pick<Restaurant, 'v2'>, ids: Record<Kind, string>) {
  if (command === 'mark-check') await restaurant.v2('POST', `/guests/${ids.guest}/seat`, { tableId: ids.table })
  if (command === 'give-more-time') await restaurant.v2('POST', `/guests/${ids.guest}/notify`, {})
  const statuses: Readonly<Record<string, string>> = {
    tablesClear: 'reserved',
    'clear-table': 'reserved',
    'release-table': 'reserved',
    'mark-clean': 'needs_cleaning',
  }
  const status = statuses[command]
  if (status) await restaurant.v2('PATCH', `/tables/${ids.table}`, { status })
}

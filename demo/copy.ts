/** What a device knows of its restaurant, kept as the iPad keeps it: loaded once, then changed by messages. No input or output here. */

export type Fields = Readonly<Record<string, unknown>>
export type Message = Readonly<Record<string, unknown>>

export interface Copy {
  readonly guests: Map<string, Fields>
  readonly tables: Map<string, Fields>
  /** When each entity last changed, by the messages heard; for telling repeats. */
  readonly heard: Map<string, string>
}

export const emptyCopy = (): Copy => ({ guests: new Map(), tables: new Map(), heard: new Map() })

/** What became of a message. `repeated`: the same entity at the same time again; `disordered`: an older one after a newer one. */
export type Verdict = 'applied' | 'other' | 'repeated' | 'disordered' | 'unknown'

const OTHERS = ['restaurant_connect', 'connection_established', 'heartbeat', 'pong', 'atomic_transaction_complete']

/** The fields of a guest that messages carry, as `GET guests` says them. */
export function guestFields(guest: Fields): Fields {
  const { firstName, lastName, partySize, status, tableId } = guest
  // A nameless guest is called so in bodies and nothing in messages.
  const name = guest['name'] === 'Unknown Guest' ? '' : guest['name']
  const contact = { email: guest['email'] ?? '', phone: guest['phone'] ?? '', notes: guest['notes'] ?? '' }
  return { guestName: guest['guestName'] ?? name, firstName, lastName, partySize, status, tableId, ...contact }
}

/** The fields of a table that messages carry, as `GET tables` says them. */
export function tableFields(table: Fields): Fields {
  const { tableNumber, capacity, status, position, shape, section, currentGuestId } = table
  const { x, y } = (position ?? {}) as Fields
  const at = plainTime(table['updatedAt'] ?? table['lastUpdated'])
  return { tableNumber, capacity, status, x, y, shape, section, currentGuestId, updatedAt: at }
}

/** The fields of a table that the second socket carries. */
export function syncTableFields(table: Fields): Fields {
  const { shape: _, updatedAt: __, ...rest } = tableFields(table)
  return rest
}

/** Starts over with what the server answered to the two lists. */
export function load(copy: Copy, guests: readonly Fields[], tables: readonly Fields[], tableOf = tableFields): void {
  for (const map of [copy.guests, copy.tables, copy.heard]) map.clear()
  for (const guest of guests) copy.guests.set(text(guest['id']), guestFields(guest))
  for (const table of tables) copy.tables.set(text(table['id']), tableOf(table))
}

/** Changes the copy as a message says, blindly, as the app does: a repeated or disordered one is applied all the same. */
export function apply(copy: Copy, message: Message, tableOf = tableFields): Verdict {
  const type = text(message['type'])
  if (OTHERS.includes(type)) return 'other'
  const data = (message['data'] ?? {}) as Fields
  const id = text(message['guest_id'] ?? message['table_id'] ?? message['guestId'])
  if (type === 'guest_deleted') copy.guests.delete(id)
  else if (type === 'guest_updated' && message['guest']) return 'other'
  else if (id === '') return 'unknown'
  else if (type === 'guest_created' || type === 'guest_updated') copy.guests.set(id, guestFields(data))
  else if (type !== 'table_updated') return 'unknown'
  else if (message['action'] === 'deleted') copy.tables.delete(id)
  else copy.tables.set(id, tableOf(data))
  const at = text(message['timestamp'])
  const before = copy.heard.get(id) ?? ''
  copy.heard.set(id, at)
  return at > before ? 'applied' : at === before ? 'repeated' : 'disordered'
}

/** Where a copy and the database differ, a sentence each. */
export function differences(copy: Copy, guests: readonly Fields[], tables: readonly Fields[]): string[] {
  return [...compare('guest', copy.guests, guests, guestFields), ...compare('table', copy.tables, tables, tableFields)]
}

/** Where a copy of the second socket, which knows tables only, and the database differ. */
export const syncDifferences = (copy: Copy, tables: readonly Fields[]): string[] =>
  compare('table', copy.tables, tables, syncTableFields)

function compare(
  kind: string,
  held: ReadonlyMap<string, Fields>,
  stored: readonly Fields[],
  fieldsOf: (of: Fields) => Fields,
): string[] {
  const found: string[] = []
  const truth = new Map(stored.map((each) => [text(each['id']), fieldsOf(each)]))
  for (const [id, wanted] of truth) {
    const mine = held.get(id)
    if (!mine) found.push(`${kind} ${id} is missing on the device`)
    else
      for (const field of new Set([...Object.keys(wanted), ...Object.keys(mine)]))
        if (mine[field] !== wanted[field])
          found.push(`${kind} ${id} ${field}: device ${json(mine[field])}, database ${json(wanted[field])}`)
  }
  for (const id of held.keys()) if (!truth.has(id)) found.push(`${kind} ${id} is on the device and not in the database`)
  return found
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const json = (value: unknown): string => JSON.stringify(value) ?? 'nothing'

/** A time without its zone, and with six digits: bodies leave out both where they can. */
function plainTime(time: unknown): string {
  const [second = '', micros = ''] = text(time).replace(/Z$/, '').split('.')
  return `${second}.${micros.padEnd(6, '0')}`
}

import { expect } from 'vitest'
import { TEST_PASSWORD, type Restaurant } from '../kit.ts'
import { resolve, type Parts } from './generate.ts'
import { knowingBody, operations } from './operations.ts'

/** Operations of the fuzz whose good answer needs more than what their schema says. */

/** A restaurant for one operation, with enough on its floor. */
export interface Floor {
  readonly restaurant: Restaurant
  ids(): Promise<Record<string, readonly string[]>>
}

let numbers = 0

/** Of three requests two with what only one knows who signs in. */
const knowing =
  (name: string) =>
  async ({ restaurant }: Floor, parts: Parts, n: number): Promise<Parts> => {
    const op = operations.find((each) => each.name === name)!
    return n % 3 === 0 ? parts : { ...parts, body: await knowingBody(op, restaurant) }
  }
export const SIGNING_IN: readonly string[] = [
  'login',
  'sign-in',
  'refresh',
  'pair-device',
  'refresh-device',
  'prove-pin',
]

/** Operations whose good answer needs more than what the schema says. */
export const special: Record<string, (floor: Floor, parts: Parts, n: number) => Promise<Parts>> = {
  ...Object.fromEntries(SIGNING_IN.map((name) => [name, knowing(name)])),
  // Passwords and owners take the own password of who asks.
  ...Object.fromEntries(
    ['add-staff', 'update-staff', 'set-pin'].map((name) => [
      name,
      async (_: Floor, parts: Parts) => ({
        ...parts,
        body: { ...(parts.body as object), currentPassword: TEST_PASSWORD },
      }),
    ]),
  ),
  // Only a party that has a table moves.
  'move-guest': async ({ restaurant, ...floor }, parts, n) => {
    const known = await floor.ids()
    const tableId = known['table']![n % known['table']!.length]!
    const seat = { tableId, force: true, takeOver: true }
    const answer = await restaurant.v2('PATCH', resolve(`/guests/${parts.path['guestId']!}`, known), seat)
    expect([200, 404]).toContain(answer.status)
    return parts
  },
  // Every other time with the details that go with the status.
  'set-guest-status': async (_, parts, n) => {
    if (n % 2 === 0) return parts
    const { lateMinutes, arrivedCount: _count, endReason: _reason, ...body } = parts.body as Record<string, unknown>
    const late = body['status'] === 'running_late' && lateMinutes !== undefined
    return { ...parts, body: { ...body, ...(late && { lateMinutes }), force: true } }
  },
  // Every other time what does not hang together with anything.
  'update-settings': async (_, parts, n) => {
    if (n % 2 === 0) return parts
    const { clock, offlinePin, selfJoin } = parts.body as Record<string, unknown>
    const body = Object.fromEntries(
      Object.entries({ clock, offlinePin, selfJoin }).filter(([, value]) => value !== undefined),
    )
    return { ...parts, body: { ...body, name: `house ${n}` } }
  },
  // Every other time a party that was called, and a little more time.
  'give-more-time': async ({ restaurant }, parts, n) => {
    if (n % 2 === 0) return parts
    const guestId = await restaurant.walkIn()
    expect((await restaurant.v2('POST', `/guests/${guestId}/notify`, {})).status).toBe(200)
    return { ...parts, path: { ...parts.path, guestId }, body: { minutes: 1 + (n % 9) } }
  },
  // Every other time a table with a party.
  'mark-check': async ({ restaurant }, parts, n) => {
    if (n % 2 === 0) return parts
    const [guestId, tableId] = [await restaurant.walkIn(), await restaurant.table(`taken ${++numbers}`)]
    await restaurant.v2('POST', `/guests/${guestId}/seat`, { tableId })
    return { ...parts, path: { ...parts.path, tableId } }
  },
  // Mostly from a place in the log of this restaurant.
  'get-changes': async ({ restaurant }, parts, n) => {
    if (n % 4 === 0) return parts
    const { epoch, seq } = (await restaurant.v2('GET', '/snapshot')).body
    const { at: _, ...query } = parts.query
    return { ...parts, query: { ...query, epoch, since: String(n % (seq + 1)) } }
  },
  // Every other time a party that waits and a table that is free.
  'seat-guest': async ({ restaurant }, parts, n) => {
    if (n % 2 === 0) return parts
    const [guestId, tableId] = [await restaurant.walkIn(), await restaurant.table(`free ${++numbers}`)]
    return { ...parts, path: { ...parts.path, guestId }, body: { ...(parts.body as object), tableId } }
  },
}

import { expect } from 'vitest'
import type { Restaurant, TestApp } from '../kit.ts'

/** Writes and reads of many at once, and whether any read was stale. */

const WRITERS = 6
const QUIET_EVERY = 50

interface House {
  readonly restaurant: Restaurant
  readonly tables: readonly string[]
  readonly guests: string[]
  readonly reservations: string[]
}

/** Reads whose answers are kept. */
export const pathsOf = (id: string): string[] => [
  `/restaurants/${id}/guests`,
  `/restaurants/${id}/guests?limit=3`,
  `/restaurants/${id}/tables`,
  `/restaurants/${id}/reservations`,
  `/restaurants/${id}/dashboard-data`,
  '/api/v1/dashboard/data?minimal=false',
  `/api/sync/full?restaurant_id=${id}`,
]

/** A process's answer, with the place in the log that its ETag tells. */
export async function read(app: TestApp, { token }: Restaurant, path: string, headers: Record<string, string> = {}) {
  const answer = await app.call('GET', path, undefined, { authorization: `Bearer ${token}`, ...headers })
  const etag = answer.headers.get('etag') ?? ''
  return { ...answer, etag, seq: Number(etag.split('.')[1]) }
}

/** What hosts do, at random. Gives the change's place in the log, or null when it was refused or changed nothing. */
async function doSomething(app: TestApp, house: House, random: () => number): Promise<number | null> {
  const { restaurant, tables, guests, reservations } = house
  const send = (method: string, path: string, body: object) =>
    app.call(method, `/v2/restaurants/${restaurant.id}${path}`, body, { authorization: `Bearer ${restaurant.token}` })
  const guest = guests[Math.floor(random() * guests.length)]
  const table = tables[Math.floor(random() * tables.length)]!
  const booking = reservations.length < 20 ? undefined : reservations[Math.floor(random() * reservations.length)]
  const draw = random()
  const word = `${Math.floor(random() * 1e6)}`
  // However long it goes on, the floor stays as large as an evening's.
  if (guests.length > 40) {
    const [gone] = guests.splice(0, 1)
    const { status, body } = await send('DELETE', `/guests/${gone}`, {})
    return status === 200 ? body.seq : null
  }
  if (guest === undefined || draw < 0.2) {
    const { body } = await send('POST', '/guests', { firstName: word, partySize: 2 })
    guests.push(body.result.id)
    return body.seq
  }
  const answer = await (draw < 0.5
    ? send('POST', `/guests/${guest}/seat`, { tableId: table })
    : draw < 0.75
      ? send('POST', `/tables/${table}/clear`, {})
      : draw < 0.9
        ? send('PATCH', `/guests/${guest}`, { notes: word })
        : booking === undefined
          ? send('POST', '/reservations', { guestName: word, partySize: 2 })
          : send('PATCH', `/reservations/${booking}`, { guestName: word }))
  if (answer.status !== 200) return null
  if (answer.body.result?.guestName === word && booking === undefined) reservations.push(answer.body.result.id)
  return answer.body.seq
}

interface Figures {
  readonly interleavings: number
  readonly reads: number
  readonly stale: number
  readonly different: number
  readonly compared: number
}

/** Writes on any of the processes and reads on every one right after it, again and again; at times nobody writes, and each must say what `control` does. */
export async function interleave(apps: readonly TestApp[], control: TestApp, random: () => number, times: number) {
  const figures = { interleavings: 0, reads: 0, stale: 0, different: 0, compared: 0 }
  const bodies = new Map<string, string>()
  const houses: House[] = []
  for (const name of ['Cedar', 'Maple']) {
    const restaurant = await apps[0]!.restaurant(name)
    houses.push({
      restaurant,
      tables: [await restaurant.table('1'), await restaurant.table('2')],
      guests: [],
      reservations: [],
    })
  }
  const work = async (): Promise<void> => {
    const house = houses[Math.floor(random() * houses.length)]!
    const seq = await doSomething(apps[Math.floor(random() * apps.length)]!, house, random)
    figures.interleavings++
    if (seq === null) return
    const paths = pathsOf(house.restaurant.id)
    const path = paths[Math.floor(random() * paths.length)]!
    for (const { status, etag, text, seq: at } of await Promise.all(
      apps.map((app) => read(app, house.restaurant, path)),
    )) {
      expect(status, text).toBe(200)
      figures.reads++
      if (!(at >= seq)) figures.stale++
      const known = bodies.get(path + etag)
      if (known !== undefined && known !== text) figures.different++
      if (bodies.size > 5_000) bodies.clear()
      bodies.set(path + etag, text)
    }
  }
  while (figures.interleavings < times) {
    const pause = Math.min(times, figures.interleavings + QUIET_EVERY)
    await Promise.all(
      Array.from({ length: WRITERS }, async () => {
        while (figures.interleavings < pause) await work()
      }),
    )
    for (const { restaurant } of houses)
      for (const path of pathsOf(restaurant.id)) {
        const wanted = await read(control, restaurant, path)
        for (const { etag, text } of await Promise.all(apps.map((app) => read(app, restaurant, path)))) {
          if (etag !== wanted.etag) continue // a minute or an hour is over
          figures.compared++
          if (text !== wanted.text) figures.different++
        }
      }
  }
  return figures satisfies Figures
}

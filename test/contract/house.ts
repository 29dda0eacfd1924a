import { startApp, type Answer, type Restaurant, type TestApp } from '../kit.ts'

/** A server, and the restaurant of the moment, asked as the iPad app asks. */
export interface House {
  readonly app: TestApp
  /** Another restaurant from now on. */
  readonly enter: () => Promise<Restaurant>
  readonly bearer: (token?: string) => { authorization: string }
  readonly get: (path: string, token?: string) => Promise<Answer>
  readonly guest: (id: string) => Promise<Answer['body']>
  readonly table: (id: string) => Promise<Answer['body']>
  readonly reservation: (id: string) => Promise<Answer['body']>
  /** Makes a reservation; its id. */
  readonly reserve: (body?: object) => Promise<string>
  readonly seat: (id: string, tableId: string) => Promise<Answer>
}

export async function openHouse(): Promise<House> {
  const app = await startApp()
  let r = await app.restaurant()
  const bearer = (token = r.token) => ({ authorization: `Bearer ${token}` })
  const one = async (list: string, id: string) =>
    (await r.call('GET', list)).body.find((each: { id: string }) => each.id === id)
  return {
    app,
    enter: async () => (r = await app.restaurant()),
    bearer,
    get: (path, token) => app.call('GET', path, undefined, bearer(token)),
    guest: async (id) => (await r.call('GET', `/guests/${id}`)).body,
    table: (id) => one('/tables', id),
    reservation: (id) => one('/reservations', id),
    reserve: async (body = {}) =>
      (await r.call('POST', '/reservations', { guest_name: 'Alma', party_size: 2, status: 'confirmed', ...body })).body
        .id,
    seat: (id, tableId) => r.call('PUT', `/guests/${id}`, { status: 'Seated', table_id: tableId }),
  }
}

/** The id of nothing. */
export const UNKNOWN = '00000000-0000-4000-8000-000000000000'

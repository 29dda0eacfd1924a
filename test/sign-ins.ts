import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { startApp, type Answer, type Restaurant, type TestApp } from './kit.ts'

/** Sign-ins of the native API on two processes over one database. */
export interface SignIns {
  readonly one: TestApp
  readonly two: TestApp
  readonly refresh: (refreshToken: string, app?: TestApp) => Promise<Answer>
  readonly signOut: (refreshToken: string, app?: TestApp) => Promise<Answer>
  readonly me: (accessToken: string, app?: TestApp) => Promise<Answer>
  /** The row of a restaurant that has one sign-in. */
  readonly rowOf: (restaurant: Restaurant) => Promise<Record<string, unknown>>
  readonly close: () => Promise<void>
}

export async function openSignIns(): Promise<SignIns> {
  const one = await startApp()
  const two = await startApp({}, one)
  return {
    one,
    two,
    refresh: (refreshToken, app = one) => app.call('POST', '/v2/refresh', { refreshToken }),
    signOut: (refreshToken, app = one) => app.call('POST', '/v2/sign-out', { refreshToken }),
    me: (accessToken, app = one) => app.call('GET', '/v2/me', undefined, { authorization: `Bearer ${accessToken}` }),
    rowOf: async ({ id }) =>
      (await one.database.sql('select * from qtable.sign_ins where restaurant_id = $1', [id]))[0]!,
    async close() {
      await two.close()
      await one.close()
    },
  }
}

/** What is stored of a token. */
export const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

/** What an access token says. */
export const claimsOf = (token: string): object =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as object

export function expectRefused(answer: Answer): void {
  expect([answer.status, answer.body.code], answer.text).toEqual([401, 'refresh-refused'])
  expect(answer.headers.get('www-authenticate')).toBe('Bearer')
}

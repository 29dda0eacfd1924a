import { z } from 'zod'
import { idField, textField } from '../platform/fields.ts'
import { limits } from '../platform/limits.ts'
import { ROLES } from '../changes/command/command.ts'
import { endSignIn } from '../staff/sign-ins/end-sign-in.ts'
import { refreshSignIn } from '../staff/sign-ins/refresh-sign-in.ts'
import { startSignIn } from '../staff/sign-ins/start-sign-in.ts'
import { nativeRoute, type NativeRoute } from './route.ts'

/** Signing in to the native API, as docs/protocol.md describes it. */

const signedIn = z
  .object({
    accessToken: z.string(),
    expiresInSeconds: z.int(),
    refreshToken: z.string(),
    staffId: idField,
    restaurantId: idField,
    role: z.enum(ROLES),
  })
  .meta({ id: 'SignedIn' })

const refreshToken = textField(limits.refreshTokenCharacters).min(1)

export const signIn = nativeRoute({
  name: 'sign-in',
  summary: 'Sign in: an access token for ACCESS_TOKEN_EXPIRE_MINUTES, and a refresh token to renew it',
  method: 'POST',
  path: '/v2/sign-in',
  access: 'public',
  input: z.strictObject({
    email: textField(255),
    password: textField(limits.passwordCharacters),
    /** The name of the device, shown with its sign-in. */
    device: textField(limits.deviceCharacters).optional(),
  }),
  answer: signedIn,
  refusals: [401, 429],
  handle: ({ deps, input: { email, password, device = null }, origin }) =>
    startSignIn(deps, { email, password, origin: origin() }, device),
})

export const refresh = nativeRoute({
  name: 'refresh',
  summary: 'Renew both tokens. The refresh token that was sent is used up; it may be sent again after a lost answer',
  method: 'POST',
  path: '/v2/refresh',
  access: 'public',
  input: z.strictObject({ refreshToken }),
  answer: signedIn,
  refusals: [401],
  handle: ({ deps, input }) => refreshSignIn(deps, input.refreshToken),
})

export const signOut = nativeRoute({
  name: 'sign-out',
  summary: 'End a sign-in, its access tokens and its sockets. Ending it twice is no error',
  method: 'POST',
  path: '/v2/sign-out',
  access: 'public',
  input: z.strictObject({ refreshToken }),
  answer: z.object({ ended: z.boolean() }),
  refusals: [],
  handle: async ({ deps, input }) => ({ ended: await endSignIn(deps, input.refreshToken) }),
})

export const me = nativeRoute({
  name: 'get-me',
  summary: 'The person that the token names, even while the restaurant is suspended',
  method: 'GET',
  path: '/v2/me',
  access: 'identity',
  input: z.strictObject({}),
  answer: z.object({
    staffId: idField,
    email: z.string(),
    firstName: z.string().nullable(),
    lastName: z.string().nullable(),
    role: z.enum(ROLES),
    restaurantId: idField,
    restaurantName: z.string(),
    restaurantIsActive: z.boolean(),
  }),
  refusals: [401],
  handle: async ({ identity }) => {
    const { signInId: _, generation: __, isActive: ___, deviceName: ____, ...told } = identity
    return told
  },
})

/** All of them. */
export const signInRoutes: readonly NativeRoute[] = [signIn, refresh, signOut, me]

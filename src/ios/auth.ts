import { z } from 'zod'
import { limits } from '../platform/limits.ts'
import { registerFrom } from '../staff/register-restaurant.ts'
import { signIn } from '../staff/sign-ins/sign-in.ts'
import { field } from './pydantic/pydantic.ts'
import { route } from './route.ts'
import { id } from './shapes.ts'

const name = field.optional(field.nullable(field.str({ max: 100 })))

export const register = route({
  method: 'POST',
  path: '/auth/register',
  name: 'register',
  summary: 'Register a restaurant with its owner',
  tag: 'auth',
  access: 'public',
  body: field.model({
    restaurant_name: field.str({ max: 255 }),
    email: field.email(),
    password: field.str({ min: 1, max: limits.passwordCharacters }),
    first_name: name,
    last_name: name,
  }),
  answer: z.object({ message: z.string(), restaurant_id: id, user_id: id }),
  refusals: [400, 429],
  async handle({ deps, body, origin }) {
    const { restaurantId, staffId } = await registerFrom(deps, origin(), {
      restaurantName: body.restaurant_name,
      email: body.email,
      password: body.password,
      firstName: body.first_name ?? null,
      lastName: body.last_name ?? null,
    })
    return { message: 'Restaurant created successfully', restaurant_id: restaurantId, user_id: staffId }
  },
})

export const login = route({
  method: 'POST',
  path: '/auth/login',
  name: 'login',
  summary: 'Sign in. The token is valid for ACCESS_TOKEN_EXPIRE_MINUTES',
  tag: 'auth',
  access: 'public',
  body: field.model({ email: field.email(), password: field.str({ max: limits.passwordCharacters }) }),
  answer: z.object({
    access_token: z.string(),
    token_type: z.literal('bearer'),
    restaurant_id: id,
    user_id: id,
  }),
  refusals: [401, 429],
  async handle({ deps, body, origin }) {
    const who = await signIn(deps, { ...body, origin: origin() })
    const exp = Math.floor(deps.clock.micros() / 1e6) + deps.tokenMinutes * 60
    const claims = { sub: who.staffId, restaurant_id: who.restaurantId, exp, gen: who.tokenGeneration }
    const access_token = deps.tokens.sign(claims)
    return { access_token, token_type: 'bearer', restaurant_id: who.restaurantId, user_id: who.staffId }
  },
})

export const me = route({
  method: 'GET',
  path: '/auth/me',
  name: 'me',
  summary: 'The person that the token names',
  tag: 'auth',
  access: 'identity',
  answer: z.object({
    id: id,
    email: z.string(),
    first_name: z.string().nullable(),
    last_name: z.string().nullable(),
    role: z.string(),
    restaurant_id: id,
    restaurant_name: z.string(),
  }),
  async handle({ identity }) {
    return {
      id: identity.staffId,
      email: identity.email,
      first_name: identity.firstName,
      last_name: identity.lastName,
      role: identity.role,
      restaurant_id: identity.restaurantId,
      restaurant_name: identity.restaurantName,
    }
  },
})

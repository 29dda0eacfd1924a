import { AppError } from '../platform/errors.ts'
import { registerRestaurant } from './register-restaurant.ts'

/**
 * Creates the operator's first restaurant and its owner, unless somebody already has the e-mail. Returns whether it
 * did.
 */
export async function firstOwner(
  deps: Parameters<typeof registerRestaurant>[0],
  restaurantName: string,
  email: string,
  password: string,
): Promise<boolean> {
  try {
    await registerRestaurant(deps, { restaurantName, email, password, firstName: null, lastName: null })
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'email-taken') return false
    throw error
  }
}

import type { Role } from '../../changes/command/command.ts'
import type { Proven } from '../staff.ts'
import type { Access } from './access-review.ts'

/** What an admission is for: a socket. */
interface Admitted {
  /** Closes it: the account, the role, the restaurant or the sign-in that it was opened for has ended. */
  accessEnded(): void
}

/**
 * In whose name a socket is open. Each sign-in on a socket brings a new admission, so that the review of access tells
 * it from the one before. It copies the few fields that it needs: the identity is not kept for as long as the socket.
 */
export class Admission implements Access {
  readonly restaurantId: string
  readonly staffId: string
  readonly role: Role
  readonly signInId: string | null
  readonly generation: number | null
  readonly #socket: Admitted

  constructor({ restaurantId, staffId, role, signInId, generation }: Proven, socket: Admitted) {
    this.restaurantId = restaurantId
    this.staffId = staffId
    this.role = role
    this.signInId = signInId
    this.generation = generation
    this.#socket = socket
  }

  close(): void {
    this.#socket.accessEnded()
  }
}

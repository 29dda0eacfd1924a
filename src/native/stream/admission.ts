import type { Role } from '../../changes/command/command.ts'
import { closeCodes } from '../../sockets/session.ts'
import type { Access } from '../../staff/access/access-review.ts'
import type { Proven } from '../../staff/staff.ts'

/** A device on the stream. */
interface Admitted {
  close(code: number, reason: string): void
}

/** In whose name a device is open. Each hello brings a new one, which the review of access tells from the one before. */
export class Admission implements Access {
  readonly restaurantId: string
  readonly staffId: string
  readonly role: Role
  readonly signInId: string | null
  readonly generation: number | null
  readonly #device: Admitted

  constructor({ restaurantId, staffId, role, signInId, generation }: Proven, device: Admitted) {
    this.restaurantId = restaurantId
    this.staffId = staffId
    this.role = role
    this.signInId = signInId
    this.generation = generation
    this.#device = device
  }

  close(): void {
    this.#device.close(closeCodes.notSignedIn, 'no longer signed in')
  }
}

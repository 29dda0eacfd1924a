import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { idField } from '../platform/fields.ts'
import { command } from '../changes/command/command.ts'
import { lockMember } from './members.ts'
import { endAllAccess } from './sign-ins/sign-ins.ts'

/**
 * Ends every sign-in of a member of staff, on any device, and every token of the iPad's sign-in. An owner may do it
 * to everyone, others to themselves. Throws `AppError` not-allowed (403), staff-not-found (404). Spec: A12.
 */
export const endSignIns = command({
  name: 'end-sign-ins',
  summary: 'Sign somebody out everywhere. Owners may do it to anyone, others to themselves',
  method: 'DELETE',
  path: '/staff/:staffId/sign-ins',
  role: 'host',
  inBatch: false,
  budget: [5, 3],
  input: z.strictObject({ staffId: idField }),
  answer: z.object({ ended: z.int() }),
  async run(w, { staffId }): Promise<{ ended: number }> {
    if (w.actor.role !== 'owner' && w.actor.staffId !== staffId)
      throw new AppError('not-allowed', 403, 'This needs the role owner, or to be oneself')
    await lockMember(w, staffId)
    return { ended: await endAllAccess(w.tx, w.restaurantId, staffId, 'ended', w.now) }
  },
})

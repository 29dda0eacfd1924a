import { Unreachable, type Answered } from '../../platform/http/outbound.ts'
import type { Outcome } from './channel.ts'

// Not now, or not this way: all others of 400 to 499 will not become better.
const PASSING = [401, 403, 404, 408, 409, 425, 429]

/** What an answer means for a message. `referenceOf` reads the receiver's own name of it. */
export function outcomeOf(
  answer: Answered | Unreachable,
  receiver: string,
  referenceOf: (body: string) => string | null,
  passing: readonly number[] = PASSING,
): Outcome {
  if (answer instanceof Unreachable)
    return { kind: answer.isForbidden ? 'refused' : 'later', why: `${receiver}: ${answer.message}` }
  const { status, body } = answer
  if (status >= 200 && status < 300) return { kind: 'sent', reference: referenceOf(body) }
  const isRefused = status >= 400 && status < 500 && !passing.includes(status)
  return { kind: isRefused ? 'refused' : 'later', why: `${receiver} answered ${status}` }
}

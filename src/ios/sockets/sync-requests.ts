import type { Context } from '../../changes/command/command.ts'
import { ContractError } from '../errors.ts'
import type { IosDeps, ShapeDeps } from '../route.ts'
import { deltaSync, fullSyncShape, instantOf } from '../sync.ts'
import { socketTime } from '../times.ts'

const PAGE = 1_000

/**
 * The answer of the sync socket to a request for data: `full_sync` to `request_full_sync`, `delta_update` to
 * `request_delta` with its `since`, null to anything else. Never rejects: a failure is an `error` message.
 */
export async function answerSyncRequest(
  deps: ShapeDeps & Pick<IosDeps, 'answers'>,
  context: Context,
  message: Readonly<Record<string, unknown>>,
): Promise<object | null> {
  const head = () => ({ timestamp: socketTime(deps.clock.now()), restaurant_id: context.restaurantId })
  try {
    if (message['type'] === 'request_full_sync') {
      const { body } = await deps.answers.get(context.restaurantId, fullSyncShape(deps))
      const { guests, tables } = JSON.parse(body.toString('utf8')) as { guests: object[]; tables: object[] }
      return { type: 'full_sync', ...head(), data: { guests, tables } }
    }
    if (message['type'] === 'request_delta') {
      const { since } = message
      const data = await deltaSync(deps, context, instantOf(typeof since === 'string' ? since : ''), PAGE)
      return { type: 'delta_update', ...head(), data }
    }
    return null
  } catch (error) {
    const told =
      error instanceof ContractError ? 'since must be a time in ISO 8601' : 'Failed to retrieve full sync data'
    return { type: 'error', timestamp: socketTime(deps.clock.now()), message: told, error_code: 'SYNC_ERROR' }
  }
}

import type { Context } from '../changes/command.ts'
import { ContractError } from './errors.ts'
import type { IosDeps } from './route.ts'
import { deltaSync, fullSync, instantOf } from './sync.ts'
import { socketTime } from './times.ts'

const PAGE = 1_000

/**
 * What the sync socket answers to a request for data: `request_full_sync` with `full_sync`, `request_delta` and its `since` with `delta_update`; null to
 * anything else. Never rejects: what fails is an `error` message.
 */
export async function answerSyncRequest(
  deps: Pick<IosDeps, 'db' | 'clock' | 'historyDays'>,
  context: Context,
  message: Readonly<Record<string, unknown>>,
): Promise<object | null> {
  const head = () => ({ timestamp: socketTime(deps.clock.now()), restaurant_id: context.restaurantId })
  try {
    if (message['type'] === 'request_full_sync') {
      const { guests, tables } = await fullSync(deps, context)
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

import type { Logger } from '../../platform/observability/log.ts'

/** A periodic job. `run` gets a signal that is aborted when the server stops. Its result is logged. */
export interface Job {
  readonly name: string
  /** Milliseconds from the end of a run to the next, with some variation. */
  readonly every: number
  run(signal: AbortSignal): Promise<unknown>
}

// So that the processes do not all run at once.
const JITTER = 0.2

/**
 * Runs each job at once and then periodically. No job overlaps itself. A failed job is logged and runs again at its
 * next turn. `close` resolves when the running jobs have ended.
 */
export function startHousekeeping(jobs: readonly Job[], log: Logger): { close(): Promise<void> } {
  const stopping = new AbortController()
  const timers = new Map<Job, NodeJS.Timeout>()
  const runs = new Map<Job, Promise<void>>()
  const runOne = async (job: Job): Promise<void> => {
    if (stopping.signal.aborted) return
    try {
      const result = await job.run(stopping.signal)
      log.debug({ job: job.name, result }, 'housekeeping')
    } catch (error) {
      log.error({ err: error, job: job.name }, 'housekeeping failed; it is tried again at its next turn')
    }
    if (stopping.signal.aborted) return
    const millis = job.every * (1 + JITTER * (Math.random() - 0.5))
    timers.set(job, setTimeout(() => begin(job), millis).unref())
  }
  const begin = (job: Job): void => void runs.set(job, runOne(job))
  for (const job of jobs) begin(job)
  return {
    async close() {
      stopping.abort()
      for (const timer of timers.values()) clearTimeout(timer)
      await Promise.all(runs.values())
    },
  }
}

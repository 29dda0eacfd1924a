/**
 * Periodic work of the whole process on one timer. Waking an idle process costs more than the work it then does: with
 * a timer each, its dozen parts would wake it twenty times a second.
 */

const PULSE_MILLIS = 500

interface Job {
  /** Pulses from one run to the next. */
  readonly pulses: number
  readonly run: () => void
}

const jobs = new Set<Job>()
let timer: NodeJS.Timeout | null = null
let pulse = 0

function beat(): void {
  pulse++
  for (const { pulses, run } of jobs) if (pulse % pulses === 0) run()
}

/**
 * Calls `run` at this interval, first after one interval, without keeping the process alive. Multiples of 500 ms
 * share one timer; any other interval has a timer of its own. `run` must not throw. Call the result to stop.
 */
export function every(millis: number, run: () => void): () => void {
  const pulses = millis / PULSE_MILLIS
  if (!Number.isInteger(pulses)) {
    const own = setInterval(run, millis).unref()
    return () => clearInterval(own)
  }
  const job: Job = { pulses, run }
  jobs.add(job)
  timer ??= setInterval(beat, PULSE_MILLIS).unref()
  return () => {
    jobs.delete(job)
    if (jobs.size > 0 || !timer) return
    clearInterval(timer)
    timer = null
  }
}

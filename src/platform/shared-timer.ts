/**
 * What is done from time to time, on one timer for the whole process. To be woken costs a process that rests more than what it then does: with a timer each, its dozen parts would wake it
 * twenty times a second.
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
 * Calls `run` every so many milliseconds, the first time by then, for as long as the process runs for another reason. Whole multiples of 500 ms go by one clock; anything else has a timer
 * of its own. `run` must not throw. Call the result to stop.
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

import { limits } from './limits.ts'

/** How long to wait before attempt `failures` + 1, in milliseconds: doubled each time, drawn between half and all of it. `random` gives 0 to 1. */
export function backoff(failures: number, random: () => number): number {
  const most = Math.min(limits.backoffMostMillis, limits.backoffMillis * 2 ** Math.min(failures, 30))
  return most / 2 + (most / 2) * random()
}

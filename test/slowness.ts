import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'

/** How long the work below takes on a quiet machine of the kind that CI has, with two cores. */
const QUIET_MILLIS = 50

const WORK = `
  const { createHash } = require('node:crypto')
  const { parentPort } = require('node:worker_threads')
  const [hash, block] = [createHash('sha256'), Buffer.alloc(1 << 20)]
  const began = performance.now()
  for (let n = 0; n < 40; n++) hash.update(block)
  hash.digest()
  parentPort.postMessage(performance.now() - began)
`

const work = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(WORK, { eval: true })
    worker.once('message', resolve)
    worker.once('error', reject)
  })

/** How many times it is measured: one look may fall on a moment that is not like the rest. */
const ROUNDS = 3

/** Limits beyond this help nobody: the machine does not get on. */
const MOST = 8

/**
 * How many times longer limits of time have to be than on that machine, at least once as long. Two workers at once, as the tests run: what else wants the
 * cores counts. Half a core does not take twice as long but longer, as each event waits for its turn as well: hence the square.
 */
export async function measureSlowness(): Promise<number> {
  let took = 0
  for (let round = 0; round < ROUNDS; round++)
    took += Math.max(...(await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work))))
  const times = took / ROUNDS / QUIET_MILLIS
  return Math.round(10 * Math.min(MOST, Math.max(1, times ** 2))) / 10
}

import { setTimeout as sleep } from 'node:timers/promises'
import { request, type Restaurant } from '../kit.ts'
import { write, type Floor } from './load.ts'
import { until } from './processes.ts'

/** Writers over several servers, which go on at another one when theirs is gone. */

const WRITERS = 8

/** A restaurant through another server of the fleet. */
function through(base: string, restaurant: Restaurant, took?: (millis: number) => void): Restaurant {
  const authorization = { authorization: `Bearer ${restaurant.token}` }
  const timed: typeof request = async (...args) => {
    const began = performance.now()
    try {
      return await request(...args)
    } finally {
      took?.(performance.now() - began)
    }
  }
  return {
    ...restaurant,
    call: (method, path, body) => timed(base, method, `/restaurants/${restaurant.id}${path}`, body, authorization),
    v2: (method, path, body, headers) =>
      timed(base, method, `/v2/restaurants/${restaurant.id}${path}`, body, { ...authorization, ...headers }),
  }
}

/** Eight writers, until they are told to stop. `took` hears of each request how long it was under way, answered or not, in milliseconds. */
export function writing(
  floor: Floor,
  bases: readonly string[],
  random: () => number,
  stopped: () => boolean,
  took?: (millis: number) => void,
): Promise<unknown> {
  const floors = bases.map((base): Floor => ({ ...floor, restaurant: through(base, floor.restaurant, took) }))
  const writer = async () => {
    while (!stopped()) {
      await write(floors[Math.floor(random() * floors.length)]!, random, stopped)
      await sleep(20)
    }
  }
  return Promise.all(Array.from({ length: WRITERS }, writer))
}

/** How many of what was sent were answered by the server, done or refused. */
export const answeredOf = ({ sent }: Floor): number =>
  sent.filter(({ answer }) => answer !== null && answer.status < 500).length

/** Waits until so many more of what writers send are answered. */
export async function answers(floors: readonly Floor[], more: number): Promise<void> {
  const answered = () => floors.reduce((sum, floor) => sum + answeredOf(floor), 0)
  const before = answered()
  await until(() => answered() >= before + more)
}

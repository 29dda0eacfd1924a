import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Restaurant } from '../kit.ts'
import { cleanUp } from '../process/server.ts'

/** Ways to make a server suffer, each really, and to end it. */

/** A fault that is going on. */
export interface Fault {
  /** Ends what makes it. */
  end(): Promise<void>
}

/** Does something ten times a second at most, until it is told to stop; what goes wrong on the way is part of the fault. */
export function repeat(work: () => Promise<unknown>): Fault {
  const now = { stopped: false }
  const round = async () => {
    while (!now.stopped) {
      // Awaits nothing but time: this is what makes it ten times a second, and not as often as the machine can.
      const least = new Promise((next) => setTimeout(next, 100))
      await work().catch(() => undefined)
      await least
    }
  }
  const running = round()
  const end = async () => {
    now.stopped = true
    await running
  }
  cleanUp(end)
  return { end }
}

async function session(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  cleanUp(() => client.end().catch(() => undefined))
  return client
}

/** Somebody else holds a row of a guest, half a second of every second, and devices want it: each statement that waits for it is slow. */
export async function slowStatements(url: string, restaurant: Restaurant): Promise<Fault> {
  const guest = await restaurant.walkIn('Held')
  const client = await session(url)
  const holding = repeat(() =>
    client.query(`begin; select from qtable.guests where id = '${guest}' for update; select pg_sleep(0.6); rollback`),
  )
  const asking = repeat(() => restaurant.v2('PATCH', `/guests/${guest}`, { notes: 'again' }))
  return {
    end: async () => {
      await Promise.all([holding.end(), asking.end()])
    },
  }
}

/** Somebody else holds a table of the database: every connection of the pool waits, and nobody else gets one. */
export async function starvedPool(url: string, restaurant: Restaurant, size: number): Promise<Fault> {
  const guest = await restaurant.walkIn('Held')
  const client = await session(url)
  await client.query('begin; lock table qtable.guests in access exclusive mode')
  const asking = Array.from({ length: size * 4 }, () =>
    repeat(() => restaurant.v2('PATCH', `/guests/${guest}`, { notes: 'again' })),
  )
  return {
    end: async () => {
      await client.query('rollback')
      await Promise.all(asking.map((each) => each.end()))
    },
  }
}

/** The server's role may not read reservations any more, and devices want them: each is a 500. */
export async function errorStorm(url: string, restaurant: Restaurant): Promise<Fault> {
  const client = await session(url)
  await client.query('revoke select on qtable.reservations from qtable_app')
  const asking = repeat(() => restaurant.call('GET', '/reservations'))
  return {
    end: async () => {
      await client.query('grant select on qtable.reservations to qtable_app')
      await asking.end()
    },
  }
}

/** Devices that stop reading while their restaurant is busy, until the server has closed them. `isClosed`: whether it has. */
export async function stalledReaders(
  base: string,
  restaurant: Restaurant,
  isClosed: () => Promise<boolean>,
): Promise<Fault> {
  const program = fileURLToPath(new URL('../process/socket-process.ts', import.meta.url))
  const address = `${base.replace(/^http/, 'ws')}/realtime?restaurant_id=${restaurant.id}`
  const child = fork(program, ['stall', restaurant.token, ...Array.from({ length: 5 }, () => address)], {
    execArgv: ['--import', 'tsx'],
    env: { PATH: '/usr/bin:/bin' },
  })
  const gone = once(child, 'exit')
  const end = async () => {
    child.kill('SIGKILL')
    await gone
  }
  cleanUp(end)
  await once(child, 'message')
  const guests = [await restaurant.walkIn('One'), await restaurant.walkIn('Two'), await restaurant.walkIn('Three')]
  let writes = 0
  const write = async (guest: string) => {
    for (;;) {
      // The system takes some megabytes before the server feels anything.
      for (let n = 0; n < 20; n++)
        await restaurant.v2('PATCH', `/guests/${guest}`, { notes: `${writes++} `.padEnd(9_900, 'x') })
      if (await isClosed()) return
    }
  }
  await Promise.all(guests.map(write))
  return { end }
}

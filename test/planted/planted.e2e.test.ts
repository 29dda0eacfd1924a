import { afterEach, expect, test } from 'vitest'
import { openDatabase } from '../kit.ts'
import { asLogin } from '../postgres.ts'
import { randomFrom } from '../random.ts'
import { openProxyTo } from '../process/proxy.ts'
import { cleanUpAll, startServer } from '../process/server.ts'
import { bugs, type Bug } from './bugs.ts'
import type { Ground } from './checkers.ts'
import { plant } from './plant.ts'
import { upTo } from '../patience.ts'

/** The proofs are worth what they find: each of these bugs, and nothing in the code without one. */

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const AT_ONCE = 2
// CI plants each second one, the same each time; `PLANTED_SHARES=1`, which `npm run prove` sets, plants all.
const shares = Number(process.env['PLANTED_SHARES'] ?? 2)
const chosen = bugs.filter((_, index) => index % shares === 0)

afterEach(cleanUpAll)

/** Servers of a copy over a database of their own, for as long as `work` lasts. */
async function on(copy: string, servers: number, sql: string, work: (ground: Ground) => Promise<void>): Promise<void> {
  const database = await openDatabase(1)
  try {
    if (sql) await asLogin(database.url, sql)
    const { proxy, url } = await openProxyTo(database.url, randomFrom(seed))
    const env = { DATABASE_URL: url, SECRET_KEY: 'the same for both of them', LOG_LEVEL: 'silent', POOL_SIZE: '10' }
    const running = await Promise.all(Array.from({ length: servers }, () => startServer(env, copy)))
    try {
      await work({ url: database.url, proxy, bases: running.map(({ base }) => base), random: randomFrom(seed) })
    } finally {
      await Promise.all(running.map((server) => server.end()))
      await proxy.down()
    }
  } finally {
    await database.close()
  }
}

interface Found {
  readonly name: string
  readonly checker: string
  readonly said: string
  readonly caught: boolean
  readonly seconds: string
}

async function look(bug: Bug, copy: string): Promise<Found> {
  const began = Date.now()
  let said = 'nothing'
  await on(copy, bug.servers ?? 1, bug.sql ?? '', async (ground) => {
    try {
      await bug.checker(ground)
    } catch (error) {
      said = (error as Error).message.replace(/\s+/g, ' ')
    }
  })
  const { name, checker } = bug
  return {
    name,
    checker: checker.name,
    said,
    caught: bug.finds.test(said),
    seconds: ((Date.now() - began) / 1000).toFixed(1),
  }
}

/** All checkers, one after the other, on the code without a bug; what holds in the database is taken away here too. */
async function control(copy: string): Promise<string[]> {
  const wrong: string[] = []
  await on(copy, 2, [...new Set(bugs.map(({ sql }) => sql ?? ''))].join(';'), async (ground) => {
    for (const checker of new Set(bugs.map((bug) => bug.checker)))
      await checker(ground).catch((error: Error) => wrong.push(`${checker.name}: ${error.message}`))
  })
  return wrong
}

test(
  `each of ${chosen.length} planted bugs is found by the check that is there for it, and none of the checks finds anything without (seed ${seed})`,
  { timeout: upTo(900_000) },
  async () => {
    const copies = await plant(chosen.map(({ edits }) => edits))
    const found: Found[] = []
    let wrong: string[] = ['the control did not run']
    const jobs = [
      async () => void (wrong = await control(copies.sound)),
      ...chosen.map((bug, index) => async () => void found.push(await look(bug, copies.of(index)))),
    ]
    const worker = async () => {
      for (let job = jobs.shift(); job; job = jobs.shift()) await job()
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    for (const { name, checker, said, seconds } of found)
      process.stdout.write(`${name.padEnd(52)} ${checker.padEnd(13)} ${seconds.padStart(5)} s  ${said.slice(0, 130)}\n`)
    process.stdout.write(
      `planted: ${chosen.length} of ${bugs.length} bugs, ${found.filter((each) => each.caught).length} found, seed ${seed}\n`,
    )
    expect(wrong).toEqual([])
    expect(found.filter(({ caught }) => !caught)).toEqual([])
  },
)

test('a text that is no longer there, or twice, is not taken for a bug', async () => {
  const file = 'changes/hub/hub.ts'
  await expect(plant([[{ file, from: 'no such text', to: '' }]])).rejects.toThrow('found 0 times')
  await expect(plant([[{ file, from: 'room', to: '' }]])).rejects.toThrow(/found \d\d+ times/)
})

import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDatabase, register } from '../kit.ts'
import { startPostgres } from '../process/postgres-process.ts'
import { until } from '../process/processes.ts'
import { needsRedis, startRedis } from '../process/redis.ts'
import { cleanUp, cleanUpAll, startServer } from '../process/server.ts'
import { errorStorm, slowStatements, stalledReaders, starvedPool, type Fault } from './faults.ts'
import { needsPrometheus, startPrometheus, type Prometheus } from './prometheus.ts'
import { upTo, within } from '../patience.ts'

/** Each fault is really made on a real server; a real Prometheus with our rules raises its alert, and takes it back when the fault is over. */

const OPS_TOKEN = 'a token for tests of alerts'
const RAISED_MILLIS = within(120_000)
const CLEARED_MILLIS = within(120_000)
const POOL_SIZE = 2

beforeEach(needsPrometheus)
beforeEach(needsRedis)
afterEach(cleanUpAll)

/** A fault to make: which alert it must raise, and on which server. */
interface Case {
  readonly alert: string
  readonly instance: string
  make(): Promise<Fault>
}

/** How long an alert took to be raised, and to be taken back after the fault had ended, in seconds. */
interface Times {
  readonly alert: string
  readonly raised: number
  readonly cleared: number
}

const isFiring = async (prometheus: Prometheus, { alert, instance }: Case): Promise<boolean> =>
  (await prometheus.alerts()).some(
    ({ state, labels }) => state === 'firing' && labels['alertname'] === alert && labels['instance'] === instance,
  )

/** Makes a fault, waits for its alert, ends the fault and waits until the alert is gone. */
async function show(prometheus: Prometheus, each: Case): Promise<Times> {
  const seconds = (from: number) => Math.round((performance.now() - from) / 100) / 10
  const wait = async (isAwaited: boolean, timeout: number, message: string) => {
    await expect.poll(() => isFiring(prometheus, each), { timeout, interval: 500, message }).toBe(isAwaited)
  }
  const began = performance.now()
  const fault = await each.make()
  await wait(true, RAISED_MILLIS - (performance.now() - began), `${each.alert} is raised in time`)
  const raised = seconds(began)
  await fault.end()
  const ended = performance.now()
  await wait(false, CLEARED_MILLIS, `${each.alert} is taken back in time`)
  return { alert: each.alert, raised, cleared: seconds(ended) }
}

/** Every alert of a server that has fired since Prometheus began, with that server: Prometheus keeps each evaluation of its rules. */
async function everFired(prometheus: Prometheus): Promise<{ alert: string; instance: string }[]> {
  const fired = await prometheus.query('count_over_time(ALERTS{alertstate="firing", instance!=""}[1h])')
  return fired.map(({ labels: { alertname = '', instance = '' } }) => ({ alert: alertname, instance }))
}

const hostOf = (base: string) => new URL(base).host

test(
  'O5: each fault raises its alert within 2 minutes, no other does, and the alert clears',
  { timeout: upTo(400_000) },
  async () => {
    const [redis, postgres] = [await startRedis(), await startPostgres()]
    const [first, second] = [await openDatabase(), await openDatabase()]
    for (const database of [first, second]) cleanUp(() => database.close())
    const settings = { OPS_TOKEN, SECRET_KEY: 'the same for all of these' }
    // Three side by side, so that the faults don't have to wait for each other.
    const [many, starved, alone] = await Promise.all([
      startServer({ ...settings, DATABASE_URL: first.url, REDIS_URL: redis.url }),
      startServer({ ...settings, DATABASE_URL: second.url, POOL_SIZE: `${POOL_SIZE}` }),
      startServer({ ...settings, DATABASE_URL: postgres.url }),
    ])
    const [busy, reading, waiting] = [
      await register(many.base),
      await register(many.base, 'Juniper'),
      await register(starved.base),
    ]
    const servers = [many, starved, alone].map(({ base }) => hostOf(base))
    const prometheus = await startPrometheus(servers, OPS_TOKEN)
    await until(async () => (await prometheus.query('up{job="qtable"} == 1')).length === servers.length, 30_000)
    // Increases need a scrape from before.
    await until(async () => (await prometheus.query('count_over_time(up{job="qtable"}[1m]) > 2')).length === 3, 60_000)
    expect((await prometheus.alerts()).filter(({ state }) => state === 'firing')).toEqual([])

    const metric = async (name: string) => {
      const text = await (
        await fetch(`${many.base}/metrics`, { headers: { authorization: `Bearer ${OPS_TOKEN}` } })
      ).text()
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
    }
    const closedBefore = await metric('qtable_sockets_slow_closed_total')
    const isClosed = async () => (await metric('qtable_sockets_slow_closed_total')) - closedBefore >= 5
    const [manyHost = '', starvedHost = '', aloneHost = ''] = servers
    const cases: readonly Case[] = [
      { alert: 'QTableSlowStatements', instance: manyHost, make: () => slowStatements(first.url, busy) },
      { alert: 'QTableErrorStorm', instance: manyHost, make: () => errorStorm(first.url, busy) },
      { alert: 'QTableReadersStalled', instance: manyHost, make: () => stalledReaders(many.base, reading, isClosed) },
      {
        alert: 'QTableRedisDown',
        instance: manyHost,
        make: async () => {
          await redis.stop()
          return { end: () => redis.start() }
        },
      },
      { alert: 'QTablePoolStarved', instance: starvedHost, make: () => starvedPool(second.url, waiting, POOL_SIZE) },
      {
        alert: 'QTableDatabaseDown',
        instance: aloneHost,
        make: async () => {
          await postgres.stop()
          return { end: () => postgres.start() }
        },
      },
    ]
    // Of each server: what its faults raise, and what follows from them. Of any: burn rates, and a machine that is too small for all this.
    const expected: Record<string, readonly string[]> = {
      [manyHost]: cases.filter(({ instance }) => instance === manyHost).map(({ alert }) => alert),
      [starvedHost]: ['QTablePoolStarved', 'QTableSlowStatements', 'QTableErrorStorm'],
      [aloneHost]: ['QTableDatabaseDown'],
    }
    const times = await Promise.all(cases.map((each) => show(prometheus, each)))
    console.log(JSON.stringify(times))
    const fired = await everFired(prometheus)
    expect(fired).toEqual(expect.arrayContaining(cases.map(({ alert, instance }) => ({ alert, instance }))))
    const isOther = ({ alert, instance }: { alert: string; instance: string }) =>
      alert !== 'QTableEventLoopBlocked' && !expected[instance]?.includes(alert)
    expect(fired.filter(isOther)).toEqual([])
    for (const { raised } of times) expect(raised).toBeLessThan(RAISED_MILLIS / 1000)
  },
)

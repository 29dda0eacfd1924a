import { randomInt } from 'node:crypto'
import { Client } from './client.ts'
import { EveningClock, hourAndMinute, sleep } from './clock.ts'
import { FloorWork } from './floor-work.ts'
import type { Scene } from './frame.ts'
import { lookAround } from './hosts.ts'
import { House } from './house.ts'
import { HELP, readOptions, type Options } from './options.ts'
import { accountLines, eveningTable, trafficLines, unknownLines, verdictLines } from './report.ts'
import { Screen } from './screen.ts'
import { Tally } from './tally.ts'
import { untilQuiet, verify } from './verify.ts'

/**
 * `npm run demo`: fills restaurants with an evening, plays it on simulated devices, and tells whether they all hold what the database holds. The code it
 * ends with is 0 when they do and 1 when not. After Ctrl-C npm and tsx say 130 instead, whatever it was.
 */

const NAMES = 'Cedar,Juniper,Saffron,Marlow,Tamarind,Osteria Blu,Lantern,Fig & Olive,Harbour,Sorrel,Ember,Quince'.split(
  ',',
)
const INTERVAL_MILLIS = 2_000
const READY_MILLIS = 30_000
const GRACE_MILLIS = 60_000
const OPENED_AT_ONCE = 4
const SECOND_WISH_MILLIS = 500

const say = (...lines: string[]): void => void process.stdout.write(lines.map((line) => `${line}\n`).join(''))
const complain = (...lines: string[]): void => void process.stderr.write(lines.map((line) => `${line}\n`).join(''))

/** Somebody, or the bound on the time, wants the evening to end now. */
interface Stop {
  wanted: string | null
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), randomInt(2 ** 32))
  if (options === 'help') {
    say(HELP)
    return 0
  }
  if ('problems' in options) {
    complain(...options.problems.map((problem) => `demo: ${problem}`), 'Help: npm run demo -- --help')
    return 2
  }
  say(`seed ${options.seed}`)
  if (!(await isServing(options.url))) return 1
  const stop: Stop = { wanted: null }
  let asked = Number.NEGATIVE_INFINITY
  const leave = () => {
    // npm passes on the signal that the terminal sent already: only one that comes later is a second wish.
    if (stop.wanted !== null && performance.now() - asked > SECOND_WISH_MILLIS) process.exit(130)
    stop.wanted ??= 'stopped'
    asked = performance.now()
  }
  process.on('SIGINT', leave)
  process.on('SIGTERM', leave)
  setTimeout(() => (stop.wanted ??= `stopped after ${options.maxSeconds} seconds`), options.maxSeconds * 1000).unref()
  setTimeout(() => process.exit(1), options.maxSeconds * 1000 + GRACE_MILLIS + READY_MILLIS).unref()
  return play(options, stop)
}

/** Tells what to do when no QTable answers. */
async function isServing(url: string): Promise<boolean> {
  const client = new Client(url)
  try {
    const { body } = await client.call('GET', '/health')
    if ((body as { service?: unknown }).service === 'qtable-api') return true
    complain(`What answers at ${url} is not QTable. Is it another program's port? Choose with --url.`)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    complain(
      `Nothing answers at ${url} (${why}).`,
      'Start the server in another terminal with: npm start',
      'If it runs elsewhere: npm run demo -- --url http://HOST:PORT',
    )
  } finally {
    client.close()
  }
  return false
}

async function play(options: Options, stop: Stop): Promise<number> {
  const tally = new Tally()
  const clock = new EveningClock(options)
  const houses = await openHouses(options, clock, tally)
  const expected = houses.reduce((sum, house) => sum + house.parties.length, 0)
  const title = `QTable demo · ${options.day} · ${options.speed}× · load ${options.load} · seed ${options.seed}`
  say(
    `${options.restaurants} × ${options.floor} floor, ${options.devices} devices each, ${expected} parties on their way`,
  )
  for (const house of houses) for (const device of house.devices) void device.run()
  try {
    await untilReady(houses, stop)
    const screen = new Screen(() => sceneOf(title, options, houses, tally, clock))
    process.once('exit', () => screen.restore())
    await evening(houses, clock, tally, screen, stop)
    return await finish(houses, tally, screen)
  } finally {
    for (const house of houses) house.close()
  }
}

/** A few at once: each registration costs the server a password hash. */
async function openHouses(options: Options, clock: EveningClock, tally: Tally): Promise<House[]> {
  const houses: House[] = []
  for (let first = 0; first < options.restaurants; first += OPENED_AT_ONCE) {
    const some = Array.from({ length: Math.min(OPENED_AT_ONCE, options.restaurants - first) }, (_, i) => first + i)
    houses.push(
      ...(await Promise.all(
        some.map((i) => {
          const round = Math.floor(i / NAMES.length)
          const name = `${NAMES[i % NAMES.length]}${round > 0 ? ` ${round + 1}` : ''}`
          return House.open(name, i, options, clock, tally)
        }),
      )),
    )
  }
  return houses
}

async function untilReady(houses: readonly House[], stop: Stop): Promise<void> {
  const end = performance.now() + READY_MILLIS
  const devices = houses.flatMap((house) => house.devices)
  while (!devices.every((device) => device.ready) && stop.wanted === null) {
    if (performance.now() > end)
      throw new Error(`only ${devices.filter((d) => d.ready).length} of ${devices.length} devices could connect`)
    await sleep(20)
  }
}

/** The evening itself: hosts look around until it is over or somebody wants it to be. */
async function evening(houses: readonly House[], clock: EveningClock, tally: Tally, screen: Screen, stop: Stop) {
  clock.start()
  screen.start()
  const timers = [setInterval(() => tally.turn(), INTERVAL_MILLIS)]
  for (const house of houses) {
    const work = new FloorWork(house, house.view()?.copy.tables.size ?? 0)
    const look = () => {
      lookAround(house)
      const copy = house.view()?.copy
      if (copy) work.look(copy, clock.now())
    }
    timers.push(setInterval(look, house.lookMillis))
  }
  while (!clock.isOver() && stop.wanted === null) await sleep(20)
  timers.slice(1).forEach((timer) => clearInterval(timer))
  const quiet = await untilQuiet(houses, tally)
  clearInterval(timers[0])
  screen.stop()
  if (stop.wanted !== null) say('', `The evening was ${stop.wanted} at ${hourAndMinute(clock.now())}.`)
  if (!quiet) say('', 'The devices did not fall quiet in time.')
}

/** The comparison and the evening in figures; the exit code. */
async function finish(houses: readonly House[], tally: Tally, { paint }: Screen): Promise<number> {
  for (const house of houses) lastLook(house)
  const verdict = await verify(houses).catch((error: unknown) => (error as Error).message)
  say('', paint('bold', 'The evening'), ...eveningTable(houses, paint))
  say('', paint('bold', 'The traffic'), ...trafficLines(tally))
  say('', paint('bold', 'Sign in to what is left of it'), ...accountLines(houses))
  say('', ...(typeof verdict === 'string' ? unknownLines(verdict, paint) : verdictLines(verdict, paint)))
  return typeof verdict !== 'string' && verdict.differences.length === 0 ? 0 : 1
}

/** What happened since hosts looked around for the last time counts too. */
function lastLook(house: House): void {
  const copy = house.view()?.copy
  if (copy) for (const party of house.parties) if (party.id) party.observe(copy.guests.get(party.id), house.clock.now())
}

function sceneOf(title: string, options: Options, houses: readonly House[], tally: Tally, clock: EveningClock): Scene {
  const [latest] = [...houses].sort((a, b) => b.news.at - a.news.at)
  return {
    title,
    from: options.from,
    to: options.to,
    now: clock.now(),
    houses: houses.map((house) => house.glance()),
    devices: options.devices * options.restaurants,
    news: latest?.news.text ? `${hourAndMinute(latest.news.at)} ${latest.name}: ${latest.news.text}` : '',
    tally,
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  complain(`The demo could not go on: ${(error as Error).message}`)
  process.exitCode = 1
}
// Sockets that are slow to close don't keep it.
setTimeout(() => process.exit(), 1_000).unref()

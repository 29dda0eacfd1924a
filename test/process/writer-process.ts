import { createLog } from '../../src/platform/observability/log.ts'
import { AppError } from '../../src/platform/errors.ts'
import type { Command, Context } from '../../src/changes/command/command.ts'
import { execute } from '../../src/changes/command/execute.ts'
import { readConfig } from '../../src/config.ts'
import { addGuest } from '../../src/guests/add-guest.ts'
import { clearTable } from '../../src/floor/clear-table.ts'
import { deleteGuest } from '../../src/guests/delete-guest.ts'
import { moveGuest } from '../../src/guests/move-guest.ts'
import { seatGuest } from '../../src/guests/seat-guest.ts'
import { setGuestStatus } from '../../src/guests/set-guest-status.ts'
import { updateGuest } from '../../src/guests/update-guest.ts'
import type { Guest } from '../../src/guests/guests.ts'
import { serve } from '../../src/serve.ts'
import { randomFrom } from '../random.ts'

/**
 * A server process that also writes, without the cost of HTTP: the same application on a port of its own, and writers that call `execute` as its doors do. Started with fork;
 * says `{serving: base}`, is told `Orders`, and says `Done`.
 */

/** What a writer process is told. */
export interface Orders {
  readonly restaurants: readonly { readonly id: string; readonly staffId: string; readonly tables: readonly string[] }[]
  readonly commands: number
  /** At once, for each restaurant. */
  readonly writers: number
  readonly seed: number
}

/** What it did. `changes`: commands that changed something, by restaurant. */
export interface Done {
  readonly changes: Readonly<Record<string, number>>
  readonly refused: number
  readonly repeated: number
}

const GUESTS = 30
const REPEATED = 0.01

const read = readConfig({ ENVIRONMENT: 'test', HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'warn', ...process.env })
if ('problems' in read) throw new Error(read.problems.join('; '))
const { config } = read
const stops: (() => Promise<unknown>)[] = []
const place = { url: config.DATABASE_URL!, where: '', secretKey: config.SECRET_KEY!, opsToken: config.OPS_TOKEN }
const app = await serve(config, place, createLog(config.LOG_LEVEL), stops)

interface Floor {
  readonly context: Context
  readonly tables: readonly string[]
  readonly guests: string[]
}

const counts = { changes: {} as Record<string, number>, refused: 0, repeated: 0 }

async function run(
  floor: Floor,
  command: Command,
  input: Readonly<Record<string, unknown>>,
  random: () => number,
): Promise<unknown> {
  const context = { ...floor.context, mutationId: app.changes.newId() }
  try {
    const { result, seq } = await execute(app.changes, command, context, input)
    if (seq !== null) counts.changes[context.restaurantId] = (counts.changes[context.restaurantId] ?? 0) + 1
    if (random() < REPEATED) {
      const again = await execute(app.changes, command, context, input)
      if (!again.repeated || again.seq !== seq) throw new Error('a repeated command was not known again')
      counts.repeated++
    }
    return result
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error
    counts.refused++
    return null
  }
}

async function write(floor: Floor, random: () => number): Promise<void> {
  const { guests, tables } = floor
  const guestId = guests[Math.floor(random() * guests.length)]
  const tableId = tables[Math.floor(random() * tables.length)]!
  if (guestId === undefined || (guests.length < GUESTS && random() < 0.5)) {
    const made = (await run(floor, addGuest, { firstName: `G${guests.length}`, partySize: 2 }, random)) as Guest | null
    if (made) guests.push(made.id)
    return
  }
  const pick = random()
  if (pick < 0.3) await run(floor, updateGuest, { guestId, notes: `n${Math.floor(random() * 1e6)}` }, random)
  else if (pick < 0.55) await run(floor, seatGuest, { guestId, tableId, force: true }, random)
  else if (pick < 0.65) await run(floor, moveGuest, { guestId, tableId, force: true }, random)
  else if (pick < 0.75) await run(floor, clearTable, { tableId }, random)
  else if (pick < 0.85) await run(floor, setGuestStatus, { guestId, status: 'waitlist', force: true }, random)
  else {
    guests.splice(guests.indexOf(guestId), 1)
    await run(floor, deleteGuest, { guestId }, random)
  }
}

async function obey({ restaurants, commands, writers, seed }: Orders): Promise<Done> {
  const random = randomFrom(seed)
  let left = commands
  const writer = async (floor: Floor) => {
    while (left-- > 0) await write(floor, random)
  }
  const floors = restaurants.map(({ id, staffId, tables }): Floor => {
    return { context: { restaurantId: id, actor: { staffId, role: 'owner' } }, tables, guests: [] }
  })
  await Promise.all(floors.flatMap((floor) => Array.from({ length: writers }, () => writer(floor))))
  return counts
}

process.on('message', (orders: Orders) => void obey(orders).then((done) => process.send!({ done })))
process.on('disconnect', () => process.exit(0))
const address = app.server.server.address()
process.send!({ serving: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}` })

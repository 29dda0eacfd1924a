import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { afterEach, expect, test } from 'vitest'
import { nouns } from '../../src/floor/nouns.ts'
import { register, request, type Restaurant } from '../kit.ts'
import { upTo } from '../patience.ts'
import { plant, type Edit } from '../planted/plant.ts'
import { randomFrom } from '../random.ts'
import { StreamDevice, type Message } from './device.ts'
import { expectHeld } from './held.ts'
import { openFloor, write, type Floor } from './load.ts'
import { expectAcknowledged } from './oracle.ts'
import { startPostgres } from './postgres-process.ts'
import { until } from './processes.ts'
import { openProxy } from './proxy.ts'
import { cleanUp, cleanUpAll, spawnServer, startServer } from './server.ts'
import { answers } from './writers.ts'

/** The next release adds fields, and starts beside this one, under load. */

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
const DEVICES = 12
/** Writes that are answered before the next release starts, and after this one has left. */
const WRITES = 200
const SECRET_KEY = 'a secret key for tests only, long enough'

/** What the next release has: a field of guests that may be null, and one of tables that may not. */
const RELEASE: readonly Edit[] = [
  {
    file: 'guests/fields.ts',
    from: '  notes: fact(nullable(text(limits.noteCharacters)), null),\n',
    to: `  notes: fact(nullable(text(limits.noteCharacters)), null),
  kitchenNotes: fact(nullable(text(limits.noteCharacters)), null),\n`,
  },
  {
    file: 'tables/fields.ts',
    from: '  section: fact(nullable(text(100)), null),\n',
    to: '  section: fact(nullable(text(100)), null),\n  highChairs: fact(integer(1), 1),\n',
  },
  {
    file: 'changes/log/upgrades.ts',
    from: ']\n\n/** The version of the log that',
    to: `  { kind: 'guest', add: { kitchenNotes: null } },
  { kind: 'table', add: { highChairs: 1 } },
]\n\n/** The version of the log that`,
  },
]
const MIGRATION = `alter table guests add column kitchen_notes text;
alter table tables add column high_chairs integer not null default 1;`

afterEach(cleanUpAll)

/** This release, and a copy of it that is the next one. */
async function releases(): Promise<{ now: string; next: string }> {
  const copies = await plant([RELEASE])
  const folder = join(copies.of(0), 'migrations')
  const number = `${(await readdir(folder)).length + 1}`.padStart(4, '0')
  await writeFile(join(folder, `${number}-next-release.sql`), MIGRATION)
  return { now: copies.sound, next: copies.of(0) }
}

/** What a device tells of entities after it has resumed at the next release, where they do not fit its schemas. */
function misfits(schemas: Record<string, object>) {
  const ajv = new Ajv2020({ strict: false })
  formats.default(ajv)
  const fits = Object.fromEntries(
    nouns.map(({ kind, schema }) => [
      kind,
      ajv.compile({ ...schemas[schema.meta()!['id']!], components: { schemas } }),
    ]),
  )
  const found: string[] = []
  const look = (message: Message) => {
    const told = message.type === 'changes' ? message.changes.flatMap(({ entries }) => entries) : []
    for (const { op, kind, value } of told)
      if (op === 'put' && !fits[kind]!(value)) found.push(`${kind}: ${ajv.errorsText(fits[kind]!.errors)}`)
    return told.length
  }
  return { found, look }
}

test(
  `L22, L23: the next release adds fields under load: no wrong hash, no wrong shape, no snapshot, and this release leaves (seed ${seed})`,
  { timeout: upTo(180_000) },
  async () => {
    const random = randomFrom(seed)
    const { now, next } = await releases()
    const postgres = await startPostgres()
    const env = { DATABASE_URL: postgres.url, SECRET_KEY }
    const old = await startServer(env, now)
    const to = { host: '127.0.0.1', port: Number(new URL(old.base).port) }
    const proxy = await openProxy({ to })
    const base = `http://127.0.0.1:${proxy.port}`
    const floors: Floor[] = []
    for (const name of ['Cedar', 'Maple']) floors.push(await openFloor(await register(base, name), 6))
    const ofRestaurant = ({ id, token }: Restaurant) => ({ bases: () => [base], restaurantId: id, token, random })

    let heardOfNext = 0
    let newer: ReturnType<typeof misfits> | undefined
    const devices = Array.from({ length: DEVICES }, (_, n) => {
      let isAtNext = false
      const onMessage = (message: Message) => {
        if (message.type === 'resumed' && newer) isAtNext = true
        if (isAtNext) heardOfNext += newer!.look(message)
      }
      return new StreamDevice({ ...ofRestaurant(floors[n % 2]!.restaurant), onMessage }).start()
    })
    cleanUp(async () => devices.forEach((device) => device.stop()))
    await until(() => devices.every(({ live }) => live))
    // These are away while the release changes, and hold what was told before.
    const away = await Promise.all(
      floors.map(async ({ restaurant }) =>
        new StreamDevice(ofRestaurant(restaurant)).hold((await restaurant.v2('GET', '/snapshot')).body),
      ),
    )
    cleanUp(async () => away.forEach((device) => device.stop()))

    const load = { stopped: false }
    const writers = floors.flatMap((floor) =>
      [1, 2].map(async () => {
        // A writer ends when its connection does, and another takes over.
        while (!load.stopped) await write(floor, random, () => load.stopped)
      }),
    )
    await answers(floors, WRITES)
    const upgraded = await startServer(env, next)
    newer = misfits((await request(upgraded.base, 'GET', '/openapi.json')).body.components.schemas)
    to.port = Number(new URL(upgraded.base).port)
    expect((await old.exit).code).toBe(0)
    expect(old.output()).toContain('A newer version of QTable has taken over this database')
    for (const device of away) device.start()
    await until(() => [...devices, ...away].every(({ live, counts }) => live && counts.resumes > 0))
    await answers(floors, WRITES)
    load.stopped = true
    await Promise.all(writers)

    for (const [n, floor] of floors.entries()) {
      const { restaurant, sent } = floor
      const held = [...devices.filter((_, each) => each % 2 === n), away[n]!]
      for (const device of held) device.counts.snapshots += device === away[n] ? 1 : 0
      await expectHeld(restaurant, held)
      for (const { kind, value } of held[0]!.entities.values())
        expect(Object.keys(value)).toContain(kind === 'guest' ? 'kitchenNotes' : kind === 'table' ? 'highChairs' : 'id')
      await expectAcknowledged(postgres.url, floor)
      const failed = sent.filter(({ answer }) => answer !== null && answer.status >= 500)
      // Writes that came to the old server after the logs were upgraded: they may be sent again.
      expect(failed.filter(({ answer }) => answer!.status !== 503)).toEqual([])
    }
    console.log(JSON.stringify({ seed, heardOfNext, writes: floors.reduce((sum, { sent }) => sum + sent.length, 0) }))
    expect(newer.found).toEqual([])
    expect(heardOfNext).toBeGreaterThan(DEVICES)

    const again = await spawnServer(env, now)
    expect((await again.exit).code).toBe(1)
    expect(again.output()).toContain('start the newer QTable')
  },
)

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chown, cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { registerRestaurant } from '../../staff/register-restaurant.ts'
import { systemClock } from '../../platform/clock.ts'
import { Db } from '../../platform/database/db.ts'
import { findBinaries, findHome, type Binaries, type Home } from '../../platform/embedded/home.ts'
import { startEmbedded } from '../../platform/embedded/embedded.ts'
import { newId } from '../../platform/ids.ts'
import { createLog } from '../../platform/observability/log.ts'
import { migrate, readMigrations } from '../../platform/database/migrate.ts'
import { checkLineage } from './lineage.ts'
import { upTo } from '../../../test/patience.ts'

/** Real clusters, copied and brought back in the ways that operators do it. */

const clock = systemClock()
const log = createLog('silent')
let root: string
let home: Home
let programs: Binaries
let password: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'qtable-lineage-'))
  const embedded = await startEmbedded({ dataDir: root, maxConnections: 20, say: () => undefined, durable: false })
  password = new URL(embedded.url.replace('@/', '@x/')).password
  const settings = { dataDir: root, accounts: ['postgres', 'nobody'], say: () => undefined }
  home = await findHome(settings)
  programs = await findBinaries(home)
  await migrate(embedded.url, await readMigrations(new URL('../../../migrations/', import.meta.url)))
  await embedded.stop()
}, upTo(120_000))
afterAll(async () => {
  for (const each of running) await stop(each)
  await rm(home.folder, { recursive: true, force: true })
  await rm(root, { recursive: true, force: true })
})

interface Server {
  readonly child: ChildProcess
  readonly db: Db
  epochs(): Promise<string[]>
}
const running = new Set<Server>()

/** Starts a cluster by its folder, with a log that a standby could follow. */
async function start(folder: string): Promise<Server> {
  const args = ['-D', folder, '-c', 'listen_addresses=', '-c', `unix_socket_directories=${home.folder}/run`]
  args.push('-c', 'wal_level=replica', '-c', 'fsync=off', '-c', 'restore_command=false', '-c', 'hot_standby=off')
  const as = home.account && { uid: home.account.uid, gid: home.account.gid }
  const child = spawn(join(programs.bin, 'postgres'), args, {
    cwd: home.folder,
    env: { LC_ALL: 'C' },
    stdio: 'pipe',
    ...as,
  })
  let said = ''
  child.stderr.on('data', (text: Buffer) => void (said += text.toString()))
  const url = `postgresql://qtable:${password}@/qtable?host=${encodeURIComponent(`${home.folder}/run`)}&port=5432`
  for (let left = 400; ; left--) {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    const up = await client.connect().then(
      () => true,
      () => false,
    )
    await client.end().catch(() => undefined)
    if (up) break
    if (left === 0 || child.exitCode !== null) throw new Error(`PostgreSQL did not start:\n${said}`)
    await sleep(50)
  }
  const db = new Db({ url, poolSize: 4 })
  const epochs = async () => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query<{ epoch: string }>('select epoch from qtable.heads order by restaurant_id')
    await client.end()
    return rows.map(({ epoch }) => epoch)
  }
  const server = { child, db, epochs }
  running.add(server)
  return server
}

async function stop(server: Server): Promise<void> {
  running.delete(server)
  await server.db.close()
  if (server.child.exitCode !== null) return
  server.child.kill('SIGINT')
  await once(server.child, 'exit')
}

const look = (server: Server) => checkLineage({ db: server.db, clock, log })

test(
  'L15: a restart keeps the epochs; a recovery from a copy, which is a new timeline, renews them once',
  { timeout: upTo(120_000) },
  async () => {
    const data = join(home.folder, 'data')
    const first = await start(data)
    expect(await look(first)).toEqual({ found: 'new' })
    const person = { email: 'a@log.example', password: 'x', firstName: null, lastName: null }
    await registerRestaurant({ db: first.db, clock, newId }, { restaurantName: 'A', ...person })
    expect(await look(first)).toEqual({ found: 'same' })
    const before = await first.epochs()
    await stop(first)

    const again = await start(data)
    expect(await look(again)).toEqual({ found: 'same' })
    expect(await again.epochs()).toEqual(before)
    await stop(again)

    // As after a restored base backup: recovery to the end of what there is, and on from there.
    const copy = join(home.folder, 'copy')
    await cp(data, copy, { recursive: true })
    await writeFile(join(copy, 'recovery.signal'), '')
    if (home.account) await give(copy, home.account)
    const restored = await start(copy)
    expect(await look(restored)).toMatchObject({
      found: 'another',
      why: 'timeline 00000002 after 00000001',
      restaurants: 1,
    })
    const renewed = await restored.epochs()
    expect(renewed).not.toEqual(before)
    expect(await look(restored)).toEqual({ found: 'same' })
    await stop(restored)
    const later = await start(copy)
    expect(await look(later)).toEqual({ found: 'same' })
    expect(await later.epochs()).toEqual(renewed)
    await stop(later)
  },
)

async function give(path: string, account: { uid: number; gid: number }): Promise<void> {
  await chown(path, account.uid, account.gid)
  for (const name of await readdir(path, { recursive: true })) await chown(join(path, name), account.uid, account.gid)
}

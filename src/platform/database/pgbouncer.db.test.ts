import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { hasProgram } from '../../../scripts/install-test-tools.ts'
import { openDatabase, startApp, type TestDatabase } from '../../../test/kit.ts'
import { steadyPort } from '../../../test/process/ports.ts'
import { Db, statement } from './db.ts'
import { limits } from '../limits.ts'
import { upTo, within } from '../../../test/patience.ts'

/** A real PgBouncer in transaction mode between the server and its database, with fewer connections than the server has. */

const NOBODY = 65_534
const BEHIND = 3
const who = statement(
  'test-who',
  `select current_user as role, current_setting('qtable.restaurant_id', true) as restaurant`,
)
const allGuests = statement('test-all-guests', `select count(*) as count from qtable.guests`)

let database: TestDatabase
let folder: string
let bouncer: ChildProcess | undefined
let url: string

beforeEach(async (context) => {
  if (!hasProgram('pgbouncer')) {
    const reason = 'this machine has no pgbouncer (apt-get install pgbouncer)'
    if (process.env['CI'] === 'true') throw new Error(`${reason}, and in CI nothing is skipped for that`)
    context.skip(reason)
  }
  database = await openDatabase(1)
  folder = await mkdtemp(join(tmpdir(), 'qtable-pgbouncer-'))
  await chmod(folder, 0o755)
  const { host, port, user, password, database: name } = new pg.Client({ connectionString: database.url })
  const own = await steadyPort()
  const target = [`host=${host}`, `port=${port}`, `dbname=${name}`, `user=${user}`, password && `password=${password}`]
  const config = `[databases]
pooled = ${target.filter(Boolean).join(' ')}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${BEHIND}
max_client_conn = 100
`
  await writeFile(join(folder, 'pgbouncer.ini'), config)
  // It refuses to be root; and only its owner may enter the folder of the embedded database's socket.
  const uid = host.startsWith('/') ? (await stat(host)).uid : NOBODY
  bouncer = spawn('pgbouncer', [join(folder, 'pgbouncer.ini')], {
    stdio: 'ignore',
    ...(process.getuid?.() === 0 && { uid: uid === 0 ? NOBODY : uid, gid: NOBODY }),
  })
  url = `postgresql://app@127.0.0.1:${own}/pooled`
  const answers = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(own, '127.0.0.1', () => resolve(true))
      socket.on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
  await vi.waitUntil(answers, { timeout: upTo(10_000) })
})

afterEach(async () => {
  if (bouncer && bouncer.exitCode === null && bouncer.signalCode === null) {
    bouncer.kill('SIGKILL')
    await once(bouncer, 'exit')
  }
  await database?.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

test('P19: commands, queries and concurrent writers through PgBouncer in transaction mode, without named statements', async () => {
  const db = new Db({ url, poolSize: 12, prepare: false })
  const app = await startApp({ POOL_SIZE: '12' }, { database: { ...database, db, close: () => db.close() }, own: true })
  try {
    const houses = await Promise.all([app.restaurant('Cedar'), app.restaurant('Juniper'), app.restaurant('Rowan')])
    await Promise.all(
      houses.map(async (house) => {
        const table = await house.table('1')
        const guests = await Promise.all(Array.from({ length: 20 }, (_, n) => house.walkIn(`G${n}`)))
        const seated = await Promise.all(guests.map((id) => house.v2('POST', `/guests/${id}/seat`, { tableId: table })))
        expect(seated.filter(({ status }) => status === 200)).toHaveLength(1)
        expect((await house.call('GET', '/guests')).body).toHaveLength(20)
        const { body } = await house.v2(
          'POST',
          '/guests',
          { firstName: 'Once', partySize: 2 },
          { 'idempotency-key': 'k' },
        )
        const again = await house.v2('POST', '/guests', { firstName: 'Once', partySize: 2 }, { 'idempotency-key': 'k' })
        expect(again.body).toEqual(body)
      }),
    )
    const logs = await database.sql<{ whole: boolean }>(
      `select count(*) = max(seq) and max(seq) = (select seq from qtable.heads h where h.restaurant_id = c.restaurant_id) as whole
       from qtable.changes c group by restaurant_id`,
    )
    expect(logs).toEqual([{ whole: true }, { whole: true }, { whole: true }])

    // The walls: each transaction sees its own restaurant, on connections that just served another.
    const counts = await Promise.all(
      Array.from({ length: 300 }, (_, n) => {
        const scope = n % 4 === 3 ? { restaurantId: '' } : { restaurantId: houses[n % 4]!.id }
        return db.transaction(scope, async (tx) => {
          const [{ role, restaurant }, { count }] = await Promise.all([
            tx.one<{ role: string; restaurant: string }>(who, []),
            tx.one<{ count: number }>(allGuests, []),
          ])
          return [role, restaurant, count]
        })
      }),
    )
    expect(counts).toEqual(
      Array.from({ length: 300 }, (_, n) => ['qtable_app', n % 4 === 3 ? '' : houses[n % 4]!.id, n % 4 === 3 ? 0 : 21]),
    )
    const behind = await database.sql<{ role: string }>(
      `select usename as role from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name <> ''`,
    )
    expect(behind.length).toBeLessThanOrEqual(BEHIND)
  } finally {
    await app.close()
  }
})

test('P19, W8: through a pooler nothing is heard of the database, and access ends in time all the same', async () => {
  const db = new Db({ url, poolSize: 4, prepare: false })
  const app = await startApp({ POOL_SIZE: '4' }, { database: { ...database, db, close: () => db.close() }, own: true })
  try {
    const house = await app.restaurant()
    const device = await house.device()
    // It has been tried by now.
    await new Promise((resolve) => setTimeout(resolve, limits.noticeProofMillis + 500))
    expect(app.app.access.figures.isHearing).toBe(false)
    await database.sql('update qtable.staff set is_active = false where id = $1', [house.staffId])
    const start = Date.now()
    expect(await device.closed).toBe(4401)
    expect(Date.now() - start).toBeLessThan(within(2_000))
    expect(app.app.access.figures.isHearing).toBe(false)
  } finally {
    await app.close()
  }
})

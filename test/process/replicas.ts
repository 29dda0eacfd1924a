import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  Address,
  answers,
  ask,
  folderOfDebian,
  killCluster,
  programsOfDebian,
  runAsDebian,
  startAsDebian,
} from './debian-postgres.ts'
import { steadyPort } from './ports.ts'
import { until } from './processes.ts'

/** A PostgreSQL with a standby by streaming replication, and what an operator does when the primary dies. */

/** A database that can be failed over. */
export interface Replicated {
  /** The address that servers use. It stays the same. */
  readonly url: string
  /** A superuser's address of the server that is the primary now. */
  primary(): string
  /**
   * Cuts the standby off for so long (where that is wanted), kills the primary and has the standby promoted. Resolves when a primary is there again. Gives
   * when the old one died, by performance.now().
   */
  failOver(behindMillis: number): Promise<number>
  /** Brings a standby up again, so that it can be failed over once more. */
  repair(): Promise<void>
}

// How long whoever watches the primary takes to be sure that it is gone.
const DETECTED_MILLIS = 200

interface Node {
  readonly data: string
  readonly port: number
}

export async function startReplicated(isSynchronous: boolean): Promise<Replicated> {
  const programs = (await programsOfDebian())!
  const folder = await folderOfDebian()
  // Servers come by the one, the standby by the other, which can be cut off.
  const front = await new Address(await steadyPort()).open()
  const replication = await new Address(await steadyPort()).open()
  let made = 0
  const node = async (): Promise<Node> => ({ data: join(folder, `${made++}`), port: await steadyPort() })
  const start = async ({ data, port }: Node) => {
    const settings = { port, unix_socket_directories: '', fsync: 'off', max_connections: 200, wal_keep_size: '256MB' }
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    await startAsDebian(join(programs, 'postgres'), ['-D', data, ...args])
    await answers(port)
  }
  let primary = await node()
  await runAsDebian(join(programs, 'initdb'), ['-D', primary.data, '-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8'])
  await start(primary)
  await ask(primary.port, 'create database qtable')
  front.lead(primary.port)
  replication.lead(primary.port)

  let standby: Node
  const repair = async () => {
    standby = await node()
    const from = `host=127.0.0.1 port=${replication.port} user=postgres`
    await runAsDebian(join(programs, 'pg_basebackup'), [
      '-D',
      standby.data,
      '-d',
      from,
      '-R',
      '-c',
      'fast',
      '-X',
      'stream',
    ])
    await start(standby)
    const streams = () => ask(primary.port, `select 1 from pg_stat_replication where state = 'streaming'`)
    await until(async () => (await streams()).length > 0)
    if (isSynchronous) await ask(primary.port, `alter system set synchronous_standby_names = '*'`)
    await ask(primary.port, 'select pg_reload_conf()')
  }
  await repair()

  const failOver = async (behindMillis: number) => {
    if (behindMillis > 0) replication.lead(null)
    await sleep(behindMillis)
    const died = performance.now()
    await killCluster(primary.data)
    front.lead(null)
    await sleep(DETECTED_MILLIS)
    // Of a base backup of a synchronous primary: it has no standby of its own yet.
    await ask(standby.port, 'select pg_promote(true, 30)')
    await ask(standby.port, 'alter system reset synchronous_standby_names')
    await ask(standby.port, 'select pg_reload_conf()')
    await rm(primary.data, { recursive: true, force: true })
    primary = standby
    front.lead(primary.port)
    replication.lead(primary.port)
    return died
  }
  const address = (port: number) => `postgresql://postgres:p@127.0.0.1:${port}/qtable`
  return { url: address(front.port), primary: () => address(primary.port), failOver, repair }
}

import type { ChildProcess } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hasProgram } from '../../scripts/install-test-tools.ts'
import { answers, ask, folderOfDebian, kill, killCluster, programsOfDebian, startAsDebian } from './debian-postgres.ts'
import { steadyPort } from './ports.ts'
import { until } from './processes.ts'
import type { Replicated } from './replicas.ts'

/** Patroni with etcd, and HAProxy in front of it, as Patroni's documentation shows them: two nodes of PostgreSQL, and nobody who promotes by hand. */

/** What has to be installed for it and is not. */
export const missingForPatroni = (): string[] =>
  ['patroni', 'etcd', 'haproxy'].filter((program) => !hasProgram(program, `${process.env['PATH']}:/usr/sbin`))

// Shorter than Patroni's defaults (30, 10, 10), so that a proof does not wait long for a node whose Patroni died too.
const TTL = 20
const LOOP = 2
const FAILED_OVER_MILLIS = 90_000
const KILLS = 5

interface Node {
  readonly name: string
  readonly data: string
  readonly port: number
  readonly rest: number
  readonly settings: string
  patroni?: ChildProcess
  output?: () => string
}

/** `isSynchronous`: Patroni's synchronous mode, which promotes nobody who may lack an acknowledged commit. */
export async function startPatroni(isSynchronous: boolean): Promise<Replicated> {
  const folder = await folderOfDebian()
  const [client, peer, front] = [await steadyPort(), await steadyPort(), await steadyPort()]
  const etcd = `http://127.0.0.1:${client}`
  const peers = `http://127.0.0.1:${peer}`
  const options = {
    'data-dir': join(folder, 'etcd'),
    'listen-client-urls': etcd,
    'advertise-client-urls': etcd,
    'listen-peer-urls': peers,
    'initial-advertise-peer-urls': peers,
    'initial-cluster': `default=${peers}`,
  }
  await startAsDebian(
    'etcd',
    Object.entries(options).map(([name, value]) => `--${name}=${value}`),
  )
  await until(() =>
    fetch(`${etcd}/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  const nodes: Node[] = []
  for (const name of ['one', 'two']) {
    const [port, rest] = [await steadyPort(), await steadyPort()]
    const node = { name, data: join(folder, name), port, rest, settings: join(folder, `${name}.json`) }
    await writeFile(node.settings, JSON.stringify(await settingsOf(node, folder, client, isSynchronous)))
    nodes.push(node)
  }
  const start = async (node: Node) => {
    const { child, output } = await startAsDebian('/usr/bin/patroni', [node.settings], folder)
    Object.assign(node, { patroni: child, output })
  }
  let [primary, standby] = nodes as [Node, Node]
  await start(primary)
  await until(() => isPrimary(primary), FAILED_OVER_MILLIS)
  await ask(primary.port, 'create database qtable')
  await start(standby)
  await writeFile(join(folder, 'haproxy.cfg'), haproxyOf(front, nodes))
  await startAsDebian('/usr/sbin/haproxy', ['-db', '-f', join(folder, 'haproxy.cfg')])

  const repair = async () => {
    const kinds = isSynchronous ? `'sync', 'quorum'` : `'async', 'sync', 'quorum'`
    const standing = `select 1 from pg_stat_replication where state = 'streaming' and sync_state in (${kinds})`
    await until(async () => (await ask(primary.port, standing)).length > 0, FAILED_OVER_MILLIS).catch(
      (error: Error) => {
        throw new Error(`${error.message}; the standby said:\n${standby.output?.().slice(-2_000)}`)
      },
    )
    // As Patroni sees it: whom it does not know to be near enough it promotes never.
    await until(() => isWhole(primary, isSynchronous ? 'sync_standby' : 'replica'), FAILED_OVER_MILLIS)
    await answers(front)
  }
  await repair()

  let turn = 0
  const failOver = async () => {
    // Only PostgreSQL dies, or the whole node with its Patroni.
    const isNode = turn++ % 2 === 1
    let died = 0
    for (let attempt = 1; attempt <= KILLS && !(await isPrimary(standby)); attempt++) {
      died = performance.now()
      if (isNode && attempt === 1) await kill(primary.patroni!)
      await killCluster(primary.data)
      // A Patroni that finds nobody near enough at that moment starts the old primary again.
      const isDecided = async () => (await isPrimary(standby)) || (!isNode && (await writes(primary)))
      await until(isDecided, FAILED_OVER_MILLIS).catch((error: Error) => {
        const said = [primary, standby].map(({ output }) => output?.().slice(-3_000))
        throw new Error(`${error.message}: ${said.join('\n---\n')}`)
      })
    }
    if (!(await isPrimary(standby))) throw new Error(`${KILLS} times Patroni started the old primary again`)
    ;[primary, standby] = [standby, primary]
    if (isNode) await start(standby)
    return died
  }
  const address = (port: number) => `postgresql://postgres:p@127.0.0.1:${port}/qtable`
  return { url: address(front), primary: () => address(primary.port), failOver, repair }
}

const isPrimary = ({ rest }: Node): Promise<boolean> =>
  fetch(`http://127.0.0.1:${rest}/primary`).then(
    ({ ok }) => ok,
    () => false,
  )

/** Whether its PostgreSQL runs and takes writes: what Patroni says of it may be of before. */
const writes = ({ port }: Node): Promise<boolean> =>
  ask(port, 'select 1 where not pg_is_in_recovery()').then(
    (rows) => rows.length > 0,
    () => false,
  )

/** Whether the leader has one standby that lacks nothing and has this role. */
async function isWhole({ rest }: Node, wanted: 'replica' | 'sync_standby'): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${rest}/cluster`).catch(() => null)
  if (!response?.ok) return false
  const { members } = (await response.json()) as { members: readonly { role: string; state: string; lag?: unknown }[] }
  const standing = members.filter(({ role, lag }) => role === wanted && lag === 0)
  return members.length === 2 && standing.length === 1
}

async function settingsOf({ name, data, port, rest }: Node, folder: string, etcd: number, isSynchronous: boolean) {
  const login = (username: string) => ({ username, password: 'p' })
  return {
    scope: 'qtable',
    name,
    restapi: { listen: `127.0.0.1:${rest}`, connect_address: `127.0.0.1:${rest}` },
    etcd3: { host: `127.0.0.1:${etcd}` },
    bootstrap: {
      dcs: {
        ttl: TTL,
        loop_wait: LOOP,
        retry_timeout: 3,
        maximum_lag_on_failover: 1_048_576,
        // A primary that died is not waited for.
        master_start_timeout: 0,
        primary_start_timeout: 0,
        synchronous_mode: isSynchronous,
        postgresql: {
          use_pg_rewind: true,
          use_slots: true,
          parameters: { max_connections: 200, fsync: 'off', wal_log_hints: 'on', wal_keep_size: '256MB' },
        },
      },
      initdb: [{ encoding: 'UTF8' }, 'data-checksums'],
      pg_hba: ['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust'],
    },
    postgresql: {
      listen: `127.0.0.1:${port}`,
      connect_address: `127.0.0.1:${port}`,
      data_dir: data,
      bin_dir: await programsOfDebian(),
      basebackup: [{ checkpoint: 'fast' }],
      pgpass: join(folder, `${name}.pgpass`),
      authentication: { superuser: login('postgres'), replication: login('replicator'), rewind: login('rewinder') },
      parameters: { unix_socket_directories: folder },
    },
  }
}

const haproxyOf = (front: number, nodes: readonly Node[]): string => `global
    maxconn 400
defaults
    mode tcp
    retries 2
    timeout client 30m
    timeout connect 4s
    timeout server 30m
    timeout check 5s
listen qtable
    bind 127.0.0.1:${front}
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 1s fall 3 rise 2 on-marked-down shutdown-sessions
${nodes.map(({ name, port, rest }) => `    server ${name} 127.0.0.1:${port} maxconn 200 check port ${rest}`).join('\n')}
`

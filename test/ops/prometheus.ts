import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { TestContext } from 'vitest'
import { hasProgram } from '../../scripts/install-test-tools.ts'
import { steadyPort } from '../process/ports.ts'
import { until } from '../process/processes.ts'
import { cleanUp, repository } from '../process/server.ts'

/** A real Prometheus for tests, with our rules. It keeps its data in a folder of its own and ends with the test. */

/** Where the rules are. */
export const rulesFile = join(repository, 'monitoring/prometheus/alerts.yml')

/** For beforeEach: skips the test, with a reason, where there is no Prometheus. In CI it fails instead. */
export function needsPrometheus(context: Pick<TestContext, 'skip'>): void {
  if (hasProgram('prometheus') && hasProgram('promtool')) return
  const reason = 'this machine has no prometheus (apt-get install prometheus)'
  if (process.env['CI'] === 'true') throw new Error(`${reason}, and in CI nothing is skipped for that`)
  context.skip(reason)
}

/** Runs promtool; gives what it said. Rejects with that when it isn't content. */
export async function promtool(...args: string[]): Promise<string> {
  try {
    const { stdout, stderr } = await promisify(execFile)('promtool', args)
    return stdout + stderr
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`promtool ${args.join(' ')}:\n${stdout}${stderr}`, { cause: error })
  }
}

/** An alert that fires or is about to. */
export interface Alert {
  readonly state: 'pending' | 'firing'
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** A Prometheus that runs. */
export interface Prometheus {
  readonly base: string
  /** The alerts of the rules that fire or are about to. */
  alerts(): Promise<Alert[]>
  /** The value of an expression now, by labels. */
  query(expression: string): Promise<{ labels: Record<string, string>; value: number }[]>
}

/** Starts a Prometheus that scrapes and evaluates every 5 s. `targets`: `host:port`, all with the same token. */
export async function startPrometheus(targets: readonly string[], token: string): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'qtable-prometheus-'))
  const config = {
    global: { scrape_interval: '5s', scrape_timeout: '4s', evaluation_interval: '5s' },
    rule_files: [rulesFile],
    scrape_configs: [
      { job_name: 'qtable', authorization: { credentials: token }, static_configs: [{ targets: [...targets] }] },
    ],
  }
  // JSON is YAML.
  await writeFile(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const port = await steadyPort()
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const output = follow(child)
  const ended = once(child, 'exit')
  cleanUp(async () => {
    child.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  })
  const base = `http://127.0.0.1:${port}`
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus ended:\n${output()}`)
    return (await fetch(`${base}/-/ready`).catch(() => null))?.status === 200
  }, 30_000)
  return {
    base,
    alerts: async () => (await ask<{ alerts: Alert[] }>(`${base}/api/v1/alerts`)).alerts,
    query: async (expression) => {
      const path = `${base}/api/v1/query?query=${encodeURIComponent(expression)}`
      const { result } = await ask<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(path)
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }))
    },
  }
}

async function ask<T>(url: string): Promise<T> {
  const answer = (await (await fetch(url)).json()) as { status: string; data: T; error?: string }
  if (answer.status !== 'success') throw new Error(`Prometheus says: ${answer.error}`)
  return answer.data
}

function follow(child: ChildProcess): () => string {
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-20_000)
    })
  return () => output
}

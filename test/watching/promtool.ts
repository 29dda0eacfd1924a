import { spawnSync } from 'node:child_process'
import type { TestContext } from 'vitest'
import { hasProgram } from '../../scripts/install-test-tools.ts'
import type { Metric } from '../../src/platform/observability/metrics.ts'

/** Reading what /metrics answers, and Prometheus' own opinion of it. */

/** The value of each series, by its name with its labels. */
export function seriesIn(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

/** A metric over all of its series that have a label, as it is written. A histogram by its count. */
export function sumOf(all: ReadonlyMap<string, number>, { name, type }: Metric, label = ''): number {
  const series = type === 'histogram' ? `${name}_count` : name
  return [...all].reduce((total, [key, value]) => {
    const isMeant = (key === series || key.startsWith(`${series}{`)) && key.includes(label)
    return isMeant ? total + value : total
  }, 0)
}

/** For a test that needs promtool: skips it, with a reason, where there is none. In CI it fails instead. */
export function needsPromtool(context: Pick<TestContext, 'skip'>): void {
  if (hasProgram('promtool')) return
  const reason = 'this machine has no promtool (apt-get install prometheus)'
  if (process.env['CI'] === 'true') throw new Error(`${reason}, and in CI nothing is skipped for that`)
  context.skip(reason)
}

/** What `promtool check metrics` says of a text: nothing, where it is as it should be. */
export function objectionsTo(text: string): string {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
  return status === 0 ? '' : `${stdout}${stderr}`
}

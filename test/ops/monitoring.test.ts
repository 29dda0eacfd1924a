import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { metrics, type Metric } from '../../src/platform/observability/metrics.ts'
import { needsPrometheus, promtool, rulesFile } from './prometheus.ts'
import { upTo } from '../patience.ts'

/** The alert rules and the Grafana dashboard: what they name is there, what they say is valid, and each alert is shown to fire and to clear. */

const dashboardFile = 'monitoring/grafana/qtable.json'
const testsFiles = ['alerts', 'burn-rates'].map((name) => `monitoring/prometheus/${name}.test.yml`)

interface Rule {
  readonly alert?: string
  readonly record?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: Record<string, string>
  readonly annotations?: Record<string, string>
}
const groups = (parse(await readFile(rulesFile, 'utf8')) as { groups: { name: string; rules: Rule[] }[] }).groups
const rules = groups.flatMap((group) => group.rules)
const alerts = rules.filter(({ alert }) => alert !== undefined)
const dashboardText = await readFile(dashboardFile, 'utf8')

// ---------------------------------------------------------------- names

const byName = new Map<string, Metric>(
  Object.values(metrics).flatMap((metric: Metric): [string, Metric][] =>
    metric.type === 'histogram'
      ? ['_bucket', '_sum', '_count'].map((end) => [`${metric.name}${end}`, metric])
      : [[metric.name, metric]],
  ),
)
const recorded = new Set(rules.flatMap(({ record }) => record ?? []))
// What Prometheus gives every series, and what it says of a target.
const GIVEN = ['job', 'instance']

/** What an expression names that isn't there: metrics, and labels that the metric hasn't. */
function unknownIn(expression: string): string[] {
  const found: string[] = []
  for (const [, name = '', selector] of expression.matchAll(/\b([a-z][a-z0-9_]*(?::[\w:]+)?)\{([^}]*)\}/g)) {
    if (name === 'up' || recorded.has(name)) continue
    const metric = byName.get(name)
    if (!metric) found.push(name)
    const known = [...GIVEN, ...(metric?.labels ?? []), ...(metric?.type === 'histogram' ? ['le'] : [])]
    for (const [, label = ''] of selector!.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g))
      if (!known.includes(label)) found.push(`${name}{${label}}`)
  }
  // A label that is summed by, of any metric that is named.
  const all = new Set([...GIVEN, 'le', ...[...byName.values()].flatMap(({ labels }) => labels)])
  for (const [, labels = ''] of expression.matchAll(/\bby \(([^)]*)\)/g))
    found.push(...labels.split(/,\s*/).filter((label) => !all.has(label)))
  // Everything that looks like a metric has a selector, so that none is overlooked above.
  for (const [name = ''] of expression.matchAll(/\b(?:qtable|db_client|http_server|nodejs|v8js|process)_\w+/g))
    if (!expression.includes(`${name}{`) && ![...all].includes(name)) found.push(`${name} without a selector`)
  return found
}

test('O4: every metric and label that the rules name is there, and every bound is one of a bucket', () => {
  expect(rules.length).toBeGreaterThan(30)
  expect(rules.flatMap(({ expr }) => unknownIn(expr))).toEqual([])
  for (const { expr } of rules)
    for (const [, name = '', le = ''] of expr.matchAll(/(\w+)_bucket\{[^}]*le="([^"]+)"/g)) {
      const metric = Object.values(metrics).find((each) => each.name === name) as Metric
      expect(metric.buckets!.map(String), name).toContain(le)
    }
})

test('O4: that check finds what is not there', () => {
  expect(unknownIn('rate(qtable_nothing_total{job="qtable"}[1m])')).toContain('qtable_nothing_total')
  expect(unknownIn('qtable_sockets_open{colour="red"}')).toContain('qtable_sockets_open{colour}')
  expect(unknownIn('sum by (colour) (qtable_sockets_open{job="qtable"})')).toContain('colour')
  expect(unknownIn('qtable_sockets_open > 1')).toContain('qtable_sockets_open without a selector')
})

test('O4: every alert says how bad it is, what is so and what to do, and is tested', async () => {
  const tests = (await Promise.all(testsFiles.map((file) => readFile(file, 'utf8')))).join('\n')
  const operations = await readFile('docs/operations.md', 'utf8')
  expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length)
  for (const { alert = '', labels, annotations } of alerts) {
    expect(['page', 'ticket'], alert).toContain(labels?.['severity'])
    expect(Object.keys(annotations ?? {}), alert).toEqual(['summary', 'description'])
    const told = alert.replace(/Burn(?:Fast|Steady|Slow)$/, 'Burn')
    expect(operations, `docs/operations.md says nothing of ${alert}`).toContain(`\`${told}`)
    const shown = tests.split(`alertname: ${alert}\n`).slice(1)
    expect(
      shown.some((each) => /^\s*exp_alerts:\n/.test(each)),
      `${alert} is never shown to fire`,
    ).toBe(true)
    expect(
      shown.some((each) => /^\s*exp_alerts: \[\]/.test(each)),
      `${alert} is never shown to be silent`,
    ).toBe(true)
  }
  for (const { alert, for: wait } of groups.find(({ name }) => name === 'qtable-faults')!.rules)
    expect(wait, alert).toBe(alert === 'QTableHeapNearlyFull' ? '5m' : '30s')
})

// ---------------------------------------------------------------- the dashboard

const Source = z.strictObject({ type: z.literal('prometheus'), uid: z.literal('${datasource}') })
const Target = z.strictObject({
  refId: z.string().regex(/^[A-Z]$/),
  datasource: Source,
  editorMode: z.literal('code'),
  expr: z.string().min(1),
  legendFormat: z.string(),
  range: z.boolean(),
  instant: z.boolean().optional(),
  format: z.literal('table').optional(),
})
const Place = z.strictObject({
  x: z.int().min(0).max(23),
  y: z.int().min(0),
  w: z.int().min(1).max(24),
  h: z.int().min(1),
})
/** Grafana's classic dashboard model, as far as it is used here (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/). */
const Panel = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('row'),
    id: z.int(),
    title: z.string(),
    collapsed: z.literal(false),
    gridPos: Place,
    panels: z.tuple([]),
  }),
  z.strictObject({
    type: z.enum(['timeseries', 'stat', 'table']),
    id: z.int().positive(),
    title: z.string().min(1),
    description: z.string(),
    datasource: Source,
    gridPos: Place,
    fieldConfig: z.strictObject({
      defaults: z.looseObject({ unit: z.string() }),
      overrides: z.array(z.looseObject({})),
    }),
    options: z.looseObject({}),
    transformations: z.array(z.looseObject({ id: z.string() })).optional(),
    targets: z.array(Target).min(1),
  }),
])
const Dashboard = z.looseObject({
  id: z.null(),
  uid: z.string().min(1).max(40),
  title: z.string(),
  schemaVersion: z.int().min(36),
  tags: z.array(z.string()),
  time: z.strictObject({ from: z.string(), to: z.string() }),
  templating: z.strictObject({
    list: z.array(z.looseObject({ name: z.string(), type: z.enum(['datasource', 'query']) })),
  }),
  annotations: z.strictObject({ list: z.array(z.looseObject({ name: z.string(), datasource: Source })) }),
  panels: z.array(Panel).min(10),
})
const dashboard = Dashboard.parse(JSON.parse(dashboardText))
const expressions = dashboard.panels.flatMap((panel) =>
  panel.type === 'row' ? [] : panel.targets.map(({ expr }) => expr),
)

test('O4: the dashboard is one that Grafana takes: no two panels share an id or a place', () => {
  const ids = dashboard.panels.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const taken = new Map<string, number>()
  for (const { id, gridPos } of dashboard.panels) {
    expect(gridPos.x + gridPos.w, `panel ${id}`).toBeLessThanOrEqual(24)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(taken.get(`${x},${y}`), `panels ${id} and ${taken.get(`${x},${y}`)} overlap`).toBeUndefined()
        taken.set(`${x},${y}`, id)
      }
  }
  for (const [, variable] of dashboardText.matchAll(/\$\{?(\w+)/g))
    expect(['datasource', 'instance', '__rate_interval']).toContain(variable)
})

test('O4: every metric that the dashboard names is there, and it shows all that an operator is told of', () => {
  expect(expressions.flatMap(unknownIn)).toEqual([])
  // Named by restaurant: for the operations page. Versions: a variable.
  const elsewhere = ['qtable_restaurant_sockets_open']
  const missing = Object.values(metrics)
    .map(({ name }) => name)
    .filter((name) => !dashboardText.includes(name) && !elsewhere.includes(name))
  expect(missing).toEqual([])
})

// ---------------------------------------------------------------- by promtool

test('O4: promtool takes every expression of the dashboard', async (context) => {
  needsPrometheus(context)
  const folder = await mkdtemp(join(tmpdir(), 'qtable-dashboard-'))
  try {
    const rules = expressions.map((expr, index) => ({
      record: `dashboard:expression${index}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
    }))
    await writeFile(join(folder, 'rules.yml'), JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
    expect(await promtool('check', 'rules', join(folder, 'rules.yml'))).toContain(`${rules.length} rules found`)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('O4: promtool check rules', async (context) => {
  needsPrometheus(context)
  expect(await promtool('check', 'rules', rulesFile)).toContain('SUCCESS')
  // The example, but for the file of its token.
  expect(await promtool('check', 'config', '--syntax-only', 'monitoring/prometheus/prometheus.yml')).toContain(
    'SUCCESS',
  )
})

test(
  'O4: promtool test rules: the burn rates, and each fault alert silent, firing and clear again',
  { timeout: upTo(120_000) },
  async (context) => {
    needsPrometheus(context)
    for (const file of testsFiles) expect(await promtool('test', 'rules', file)).toContain('SUCCESS')
  },
)

import { expect, test } from 'vitest'
import { counted, textOf, together } from './exposition.ts'
import { limits } from '../limits.ts'
import { Meter } from './meter.ts'
import { metrics, type Metric } from './metrics.ts'

const table = Object.values<Metric>(metrics)

test('M3: no name is there twice, and each is of its type by its ending', () => {
  const names = table.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  for (const { name, type } of table) expect(name.endsWith('_total'), name).toBe(type === 'counter')
})

test('M3: what is counted is read, and written as Prometheus reads it', () => {
  const meter = new Meter()
  meter.cell(metrics.changes, 'seat-"guest"\\').value += 2
  const waits = meter.histogram(metrics.poolWait)
  for (const seconds of [0.0004, 0.0005, 0.02, 99]) waits.observe(seconds)
  const lines = textOf(table, meter.read()).split('\n')
  expect(lines).toContain(`qtable_changes_total{command="seat-\\"guest\\"\\\\"} 2`)
  expect(lines).toContain('db_client_connection_wait_time_seconds_bucket{le="0.0005"} 2')
  expect(lines).toContain('db_client_connection_wait_time_seconds_bucket{le="0.025"} 3')
  expect(lines).toContain('db_client_connection_wait_time_seconds_bucket{le="+Inf"} 4')
  expect(lines).toContain('db_client_connection_wait_time_seconds_count 4')
})

test('M3: a label that grows fills no memory: what is too much is counted as other', () => {
  const meter = new Meter()
  for (let n = 0; n < 3 * limits.seriesPerMetric; n++) meter.cell(metrics.changes, `command ${n}`).value++
  const samples = meter.read()['qtable_changes_total']!
  expect(samples).toHaveLength(limits.seriesPerMetric + 1)
  expect(samples.reduce((sum, { value }) => sum + value!, 0)).toBe(3 * limits.seriesPerMetric)
  expect(samples.find(({ labels }) => labels[0] === 'other')!.value).toBe(2 * limits.seriesPerMetric)
})

test('M3: of several processes it is the sum, of some the least or the greatest', () => {
  const [one, two] = [new Meter(), new Meter()]
  for (const [meter, up, delay] of [
    [one, 1, 0.5],
    [two, 0, 0.1],
  ] as const) {
    meter.cell(metrics.changes, 'add-guest').value = 5
    meter.cell(metrics.dbUp).value = up
    meter.cell(metrics.loopDelayMax).value = delay
    meter.histogram(metrics.poolWait).observe(0.02)
  }
  two.cell(metrics.changes, 'seat-guest').value = 1
  const all = together(table, [one.read(), two.read()])
  expect(all['qtable_changes_total']).toEqual([
    { labels: ['add-guest'], value: 10 },
    { labels: ['seat-guest'], value: 1 },
  ])
  expect(all['qtable_db_up']).toEqual([{ labels: [], value: 0 }])
  expect(all['nodejs_eventloop_delay_max_seconds']).toEqual([{ labels: [], value: 0.5 }])
  expect(all['db_client_connection_wait_time_seconds']![0]!.counts!.reduce((sum, n) => sum + n, 0)).toBe(2)
  expect(Object.keys(counted(table, all))).not.toContain('qtable_db_up')
})

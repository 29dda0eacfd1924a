import type { Calls, ErrorExample, Figures } from '../../src/ops/figures.ts'
import { Table, type Column } from './table.ts'
import { clock, count, time } from './words.ts'

/** Which tables there are. */

const calls: readonly Column<Calls>[] = [
  { title: 'Total', value: (row) => time(row.totalSeconds), sort: (row) => row.totalSeconds, kind: 'bar' },
  { title: 'p50', value: (row) => time(row.p50), sort: (row) => row.p50 ?? 0, kind: 'lesser' },
  { title: 'p99', value: (row) => time(row.p99), sort: (row) => row.p99 ?? 0 },
  { title: 'Calls', value: (row) => count(row.calls), sort: (row) => row.calls },
]
const failed: Column<Calls> = {
  title: 'Failed',
  value: (row) => count(row.failed),
  sort: (row) => row.failed,
  isBad: (row) => row.failed > 0,
}

const statements: readonly Column<Calls>[] = [
  { title: 'Statement', value: (row) => row.name, sort: (row) => row.name, kind: 'name' },
  ...calls,
  { title: 'Rows', value: (row) => count(row.rows ?? 0), sort: (row) => row.rows ?? 0, kind: 'lesser' },
  {
    title: 'Slow',
    about: 'how often it took longer than SLOW_STATEMENT_MILLIS',
    value: (row) => count(row.slow ?? 0),
    sort: (row) => row.slow ?? 0,
    isBad: (row) => (row.slow ?? 0) > 0,
  },
  { ...failed, kind: 'lesser' },
]

const routes: readonly Column<Calls>[] = [
  { title: 'Route', value: (row) => row.name, sort: (row) => row.name, kind: 'name' },
  ...calls,
  failed,
]

const errors: readonly Column<ErrorExample>[] = [
  { title: 'Time', value: ({ at }) => clock(at), kind: 'text' },
  { title: 'Status', value: ({ status }) => `${status}`, isBad: () => true },
  { title: 'Code', value: ({ code }) => code, kind: 'text' },
  { title: 'Route', value: ({ method, route }) => `${method} ${route}`, kind: 'name' },
  { title: 'Message', value: ({ message, place }) => (place ? `${message} · ${place}` : message), kind: 'name' },
  { title: 'Request', value: ({ requestId }) => requestId, kind: 'text' },
]

const restaurants: readonly Column<Figures['restaurants'][number]>[] = [
  { title: 'Restaurant', value: ({ id }) => id, kind: 'name' },
  { title: 'Sockets', value: ({ sockets }) => count(sockets), sort: ({ sockets }) => sockets, kind: 'bar' },
]

const refusals: readonly Column<Figures['refusals'][number]>[] = [
  { title: 'Route', value: ({ route }) => route, sort: ({ route }) => route, kind: 'name' },
  { title: 'Code', value: ({ code }) => code, sort: ({ code }) => code, kind: 'text' },
  { title: 'Times', value: (row) => count(row.count), sort: (row) => row.count, kind: 'bar' },
]

/** The tables of the page, and how they are shown the figures. */
export function makeTables(): { elements: HTMLElement[]; show: (figures: Figures) => void } {
  const all = {
    errors: new Table('errors', 'Latest errors', 'None since the start.', errors, null),
    statements: new Table('statements', 'Slowest statements', 'None ran.', statements, 1),
    routes: new Table('routes', 'Slowest routes', 'Nothing was asked.', routes, 1),
    restaurants: new Table('restaurants', 'Sockets by restaurant', 'No sockets.', restaurants, 1),
    refusals: new Table('refusals', 'Refused and failed, by code', 'Nothing was refused.', refusals, 2),
  }
  return {
    elements: Object.values(all).map(({ element }) => element),
    show: (figures) => {
      all.errors.show(figures.errors)
      all.statements.show(figures.statements)
      all.routes.show(figures.routes)
      all.restaurants.show(figures.restaurants)
      all.refusals.show(figures.refusals)
    },
  }
}

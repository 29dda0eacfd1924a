import type { SeriesName } from '../../src/ops/figures.ts'
import type { Unit } from './words.ts'

/** Which charts there are. */

/** A line of a chart. `tone`: which colour it has. */
export interface Line {
  readonly series: SeriesName
  readonly name: string
  readonly tone: 'main' | 'second' | 'third' | 'warn' | 'bad'
  /** In another unit than the chart: then it is told and not drawn. */
  readonly told?: Unit
}

/** A chart. `least`: its scale reaches so far at least, so that noise looks like noise. */
export interface ChartKind {
  readonly id: string
  readonly title: string
  readonly about: string
  readonly unit: Unit
  readonly least: number
  readonly lines: readonly Line[]
}

export const chartKinds: readonly ChartKind[] = [
  {
    id: 'requests',
    title: 'Requests',
    about: 'refused: 4xx, failed: 5xx',
    unit: 'per-second',
    least: 1,
    lines: [
      { series: 'requests', name: 'all', tone: 'main' },
      { series: 'refused', name: 'refused', tone: 'warn' },
      { series: 'failed', name: 'failed', tone: 'bad' },
    ],
  },
  {
    id: 'request-time',
    title: 'Time of a request',
    about: 'from the last byte of the request to the last of the answer',
    unit: 'seconds',
    least: 0.005,
    lines: [
      { series: 'requestP99', name: 'p99', tone: 'warn' },
      { series: 'requestP50', name: 'p50', tone: 'main' },
    ],
  },
  {
    id: 'delivered-time',
    title: 'Commit to delivered',
    about: 'until a change is on its way to a device',
    unit: 'seconds',
    least: 0.005,
    lines: [
      { series: 'deliveredP99', name: 'p99', tone: 'warn' },
      { series: 'deliveredP50', name: 'p50', tone: 'main' },
    ],
  },
  {
    id: 'changes',
    title: 'Changes and deliveries',
    about: 'a change is delivered to each device of its restaurant',
    unit: 'per-second',
    least: 1,
    lines: [
      { series: 'delivered', name: 'deliveries', tone: 'second' },
      { series: 'changes', name: 'changes', tone: 'main' },
    ],
  },
  {
    id: 'sockets',
    title: 'Sockets',
    about: 'by kind',
    unit: 'count',
    least: 4,
    lines: [
      { series: 'stream', name: 'stream', tone: 'main' },
      { series: 'realtime', name: 'realtime', tone: 'second' },
      { series: 'sync', name: 'sync', tone: 'third' },
    ],
  },
  {
    id: 'pool',
    title: 'Database connections',
    about: 'waiting: requests that have none yet',
    unit: 'count',
    least: 4,
    lines: [
      { series: 'poolUsed', name: 'used', tone: 'main' },
      { series: 'poolWaiting', name: 'waiting', tone: 'bad' },
      { series: 'poolMax', name: 'at most', tone: 'third', told: 'count' },
    ],
  },
  {
    id: 'database-time',
    title: 'Time in the database',
    about: 'run: of a statement; wait: for a connection',
    unit: 'seconds',
    least: 0.005,
    lines: [
      { series: 'statementP99', name: 'run p99', tone: 'main' },
      { series: 'waitP99', name: 'wait p99', tone: 'warn' },
      { series: 'statements', name: 'runs', tone: 'third', told: 'per-second' },
    ],
  },
  {
    id: 'cache',
    title: 'Answers from the cache',
    about: 'share that nothing had to be read for',
    unit: 'share',
    least: 1,
    lines: [{ series: 'cacheShare', name: 'hits', tone: 'second' }],
  },
  {
    id: 'lag',
    title: 'Lag of the change log',
    about: 'age of the oldest change that is known and not delivered',
    unit: 'seconds',
    least: 0.1,
    lines: [
      { series: 'lagSeconds', name: 'oldest', tone: 'warn' },
      { series: 'lagChanges', name: 'changes', tone: 'third', told: 'count' },
    ],
  },
  {
    id: 'loop',
    title: 'Delay of the event loop',
    about: 'how late the process comes to what is due',
    unit: 'seconds',
    least: 0.02,
    lines: [
      { series: 'loopP99', name: 'p99', tone: 'warn' },
      { series: 'loopP50', name: 'p50', tone: 'main' },
    ],
  },
  {
    id: 'memory',
    title: 'Memory',
    about: 'heap of JavaScript, and all that the process has',
    unit: 'bytes',
    least: 50_000_000,
    lines: [
      { series: 'resident', name: 'process', tone: 'third' },
      { series: 'heapUsed', name: 'heap', tone: 'main' },
      { series: 'heapLimit', name: 'limit', tone: 'second', told: 'bytes' },
    ],
  },
  {
    id: 'cpu',
    title: 'Processor',
    about: '100 % is one core',
    unit: 'cores',
    least: 0.1,
    lines: [
      { series: 'cpu', name: 'used', tone: 'main' },
      { series: 'frames', name: 'frames', tone: 'second', told: 'per-second' },
      { series: 'writes', name: 'writes', tone: 'third', told: 'per-second' },
    ],
  },
]

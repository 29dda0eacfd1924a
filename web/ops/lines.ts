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

const toned =
  (tone: Line['tone']) =>
  (series: SeriesName, name: string): Line => ({ series, name, tone })
const [main, second, third] = [toned('main'), toned('second'), toned('third')]
const [warn, bad] = [toned('warn'), toned('bad')]
const told = (line: Line, unit: Unit): Line => ({ ...line, told: unit })

/** The two lines of a time that has a middle and a tail. */
const quantiles = (of: 'request' | 'delivered' | 'loop') => [warn(`${of}P99`, 'p99'), main(`${of}P50`, 'p50')]

/** A chart, with its unit and how far its scale reaches at least. */
const chart = (
  id: string,
  title: string,
  about: string,
  [unit, least]: readonly [Unit, number],
  lines: readonly Line[],
): ChartKind => ({ id, title, about, unit, least, lines })

export const chartKinds: readonly ChartKind[] = [
  chart(
    'requests',
    'Requests',
    'refused: 4xx, failed: 5xx',
    ['per-second', 1],
    [main('requests', 'all'), warn('refused', 'refused'), bad('failed', 'failed')],
  ),
  chart(
    'request-time',
    'Time of a request',
    'from the last byte of the request to the last of the answer',
    ['seconds', 0.005],
    quantiles('request'),
  ),
  chart(
    'delivered-time',
    'Commit to delivered',
    'until a change is on its way to a device',
    ['seconds', 0.005],
    quantiles('delivered'),
  ),
  chart(
    'changes',
    'Changes and deliveries',
    'a change is delivered to each device of its restaurant',
    ['per-second', 1],
    [second('delivered', 'deliveries'), main('changes', 'changes')],
  ),
  chart(
    'sockets',
    'Sockets',
    'by kind',
    ['count', 4],
    [main('stream', 'stream'), second('realtime', 'realtime'), third('sync', 'sync')],
  ),
  chart(
    'pool',
    'Database connections',
    'waiting: requests that have none yet',
    ['count', 4],
    [main('poolUsed', 'used'), bad('poolWaiting', 'waiting'), told(third('poolMax', 'at most'), 'count')],
  ),
  chart(
    'database-time',
    'Time in the database',
    'run: of a statement; wait: for a connection',
    ['seconds', 0.005],
    [main('statementP99', 'run p99'), warn('waitP99', 'wait p99'), told(third('statements', 'runs'), 'per-second')],
  ),
  chart(
    'cache',
    'Answers from the cache',
    'share that nothing had to be read for',
    ['share', 1],
    [second('cacheShare', 'hits')],
  ),
  chart(
    'lag',
    'Lag of the change log',
    'age of the oldest change that is known and not delivered',
    ['seconds', 0.1],
    [warn('lagSeconds', 'oldest'), told(third('lagChanges', 'changes'), 'count')],
  ),
  chart(
    'loop',
    'Delay of the event loop',
    'how late the process comes to what is due',
    ['seconds', 0.02],
    quantiles('loop'),
  ),
  chart(
    'memory',
    'Memory',
    'heap of JavaScript, and all that the process has',
    ['bytes', 50_000_000],
    [third('resident', 'process'), main('heapUsed', 'heap'), told(second('heapLimit', 'limit'), 'bytes')],
  ),
  chart(
    'cpu',
    'Processor',
    '100 % is one core',
    ['cores', 0.1],
    [
      main('cpu', 'used'),
      told(second('frames', 'frames'), 'per-second'),
      told(third('writes', 'writes'), 'per-second'),
    ],
  ),
]

import type { Instant } from '../platform/clock.ts'
import type { Db, DbObserver } from '../platform/database/db.ts'
import type { Cell, Histogram, Meter } from '../platform/observability/meter.ts'
import { metrics } from '../platform/observability/metrics.ts'
import type { SlowStatements } from '../platform/observability/slow-statements.ts'
import type { Commits } from '../changes/commits.ts'
import { closeCodes } from '../sockets/endings.ts'
import type { SocketKind, SocketObserver } from '../sockets/socket-observer.ts'

/** Writes events of the database and the sockets into the cells of the metrics. */

interface StatementCells {
  readonly duration: Histogram
  readonly rows: Cell
}

/** Counts statements and events of the pool. `slow`: the log of slow statements. */
export function observeDb(meter: Meter, db: Db, slow: SlowStatements): DbObserver {
  const cells = new Map<string, StatementCells>()
  const of = (name: string): StatementCells => {
    const known = cells.get(name)
    if (known) return known
    const made = {
      duration: meter.histogram(metrics.statementDuration, name),
      rows: meter.cell(metrics.statementRows, name),
    }
    cells.set(name, made)
    return made
  }
  const wait = meter.histogram(metrics.poolWait)
  const up = meter.cell(metrics.dbUp)
  const gaveUp = {
    deadline: meter.cell(metrics.poolTimeouts, 'deadline'),
    'queue-full': meter.cell(metrics.poolTimeouts, 'queue-full'),
  }
  up.value = 1
  observePool(meter, db)
  return {
    statement(name, seconds, rows, sqlstate) {
      const { duration, rows: counted } = of(name)
      duration.observe(seconds)
      counted.value += rows
      if (sqlstate !== null) meter.cell(metrics.statementErrors, name, sqlstate.slice(0, 2)).value++
      if (slow.note(name, seconds, rows)) meter.cell(metrics.slowStatements, name).value++
    },
    transaction: () => undefined,
    waited: (seconds) => wait.observe(seconds),
    gaveUp: (reason) => void gaveUp[reason].value++,
    reached: (succeeded) => void (up.value = succeeded ? 1 : 0),
  }
}

function observePool(meter: Meter, db: Db): void {
  const [idle, used] = [meter.cell(metrics.poolConnections, 'idle'), meter.cell(metrics.poolConnections, 'used')]
  const [max, pending] = [meter.cell(metrics.poolMax), meter.cell(metrics.poolPending)]
  meter.onCollect(() => {
    const figures = db.figures
    idle.value = figures.idle
    used.value = figures.used
    max.value = figures.max
    pending.value = figures.waiting
  })
}

const KINDS: readonly SocketKind[] = ['stream', 'realtime', 'sync']

/** Counts events of the sockets, and measures how long changes take to reach them. */
export function observeSockets(meter: Meter, commits: Commits): SocketObserver {
  const each = <T>(make: (kind: SocketKind) => T) =>
    Object.fromEntries(KINDS.map((kind) => [kind, make(kind)])) as Record<SocketKind, T>
  const open = each((kind) => meter.cell(metrics.socketsOpen, kind))
  const opened = each((kind) => meter.cell(metrics.socketsOpened, kind))
  const frames = each((kind) => meter.cell(metrics.socketFrames, kind))
  const writes = each((kind) => meter.cell(metrics.socketWrites, kind))
  const delivered = each((kind) => meter.histogram(metrics.delivered, kind))
  const applied = meter.histogram(metrics.applied)
  const slow = meter.cell(metrics.socketsSlowClosed)
  return {
    opened(kind) {
      open[kind].value++
      opened[kind].value++
    },
    closed(kind, code) {
      open[kind].value--
      meter.cell(metrics.socketsClosed, kind, `${code}`).value++
      if (code === closeCodes.tooSlow) slow.value++
    },
    refused: (status) => void meter.cell(metrics.handshakesRefused, status).value++,
    frames: (kind, count) => void (frames[kind].value += count),
    writes: (kind, count) => void (writes[kind].value += count),
    delivered(kind, at) {
      delivered[kind].observe(commits.secondsSince(at))
      commits.traceDelivery(kind, at)
    },
    applied: (at: Instant) => applied.observe(commits.secondsSince(at)),
  }
}

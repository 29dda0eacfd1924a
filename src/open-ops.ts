import type { Config } from './config.ts'
import { Ops } from './ops/ops.ts'
import type { Db } from './platform/database/db.ts'
import type { Logger } from './platform/observability/log.ts'
import type { Planner } from './platform/observability/slow-statements.ts'
import { OwnQuestions, type Questions } from './processes/ask-processes.ts'

interface OpsGiven {
  readonly config: Config
  readonly db: Db
  readonly log: Logger
  readonly questions?: Questions
  readonly planner?: Planner | null
}

/** Metrics, health and the operations page of a server. */
export const openOps = ({ config, db, log, questions, planner }: OpsGiven): Ops =>
  new Ops({
    db,
    log,
    token: config.OPS_TOKEN,
    slowMillis: config.SLOW_STATEMENT_MILLIS,
    planner: planner ?? null,
    questions: questions ?? new OwnQuestions(),
  })

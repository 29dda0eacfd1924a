import { statement } from '../platform/database/db.ts'
import { limits } from '../platform/limits.ts'
import type { Write } from '../changes/command/command.ts'
import { decided, refused } from '../changes/decided.ts'
import { entity, type EntityOf } from '../changes/entity.ts'
import { noun } from '../changes/floor/noun.ts'
import { plain, rowsOf } from '../changes/plain.ts'
import { hasStaff } from '../staff/staff.ts'
import { applyToTable, lockAllTables, readTables } from '../tables/tables.ts'
import { planFields, sectionFields, serverFields } from './fields.ts'
import {
  NEW_SERVER,
  refusePlan,
  refuseRemoveServer,
  unknownStaff,
  type StationDecision,
  type Stations,
} from './rules.ts'

/** Servers, sections and saved section plans: who looks after which tables. */

export const serverEntity = entity('server', 'Server', serverFields)
export const sectionEntity = entity('section', 'Section', sectionFields)
export const planEntity = entity('plan', 'SectionPlan', planFields)

export type Server = EntityOf<typeof serverFields>
export type Section = EntityOf<typeof sectionFields>
export type Plan = EntityOf<typeof planFields>

/** Servers, with an account or without. A server who has a section is not removed. Spec: Y11. */
export const servers = plain(serverEntity, {
  path: '/servers',
  role: 'host',
  called: 'a server',
  max: limits.serversPerRestaurant,
  starts: NEW_SERVER,
  async check({ tx, restaurantId }, { staffId }, before) {
    if (staffId === null || staffId === before?.staffId) return
    if (!(await hasStaff(tx, restaurantId, staffId))) throw refused(unknownStaff(staffId))
  },
  async checkRemoval(w, server) {
    const refusal = refuseRemoveServer(server, await lockSections(w))
    if (refusal) throw refused(refusal)
  },
  budgets: { remove: [8, 3] },
})

/** Saved section plans. Spec: Y14. */
export const plans = plain(planEntity, {
  path: '/plans',
  role: 'manager',
  called: 'a saved section plan',
  max: limits.plansPerRestaurant,
  async check({ tx, restaurantId }, plan, before) {
    if (plan.sections === before?.sections) return
    // Not locked: what a plan names may go later, and is left out then.
    const [all, sections, tables] = await Promise.all([
      servers.all(tx, restaurantId),
      sectionRows.all(tx, restaurantId),
      readTables(tx, restaurantId),
    ])
    const refusal = refusePlan({ servers: all, sections, tables }, plan)
    if (refusal) throw refused(refusal)
  },
  budgets: { add: [9, 4] },
})

/** Rows of sections. */
export const sectionRows = rowsOf(sectionEntity, limits.sectionsPerRestaurant)
/** Sections as the floor has them: all. */
export const sectionsOnFloor = noun(sectionEntity, { read: sectionRows.all, lock: sectionRows.lock })

const lockAllServers = statement(
  'lock-all-servers',
  `select ${serverEntity.columns} from servers where restaurant_id = $1 order by id for update`,
)
const lockAllSections = statement(
  'lock-all-sections',
  `select ${sectionEntity.columns} from sections where restaurant_id = $1 order by id for update`,
)

async function lockSections(w: Write): Promise<Section[]> {
  const sections = await w.tx.all<Section>(lockAllSections, [w.restaurantId])
  w.locked.note('section', [], sections)
  return sections
}

async function lockServers(w: Write): Promise<Server[]> {
  const servers = await w.tx.all<Server>(lockAllServers, [w.restaurantId])
  w.locked.note('server', [], servers)
  return servers
}

/**
 * Locks all tables, servers and sections, in the ladder's order. A restaurant has few of them and commands of sections are
 * rare, so each decision sees all that follows from it.
 */
export async function lockStations(w: Write): Promise<Stations> {
  const [tables, servers, sections] = await Promise.all([lockAllTables(w), lockServers(w), lockSections(w)])
  return { tables, servers, sections }
}

/** Stores what was decided about tables, servers and sections, which the caller has locked. Throws the refusal. */
export async function applyToStations(w: Write, decision: StationDecision): Promise<void> {
  for (const effect of decided(decision)) {
    const { kind, id, set } = effect
    if (kind === 'table') await applyToTable(w, { kind, id, set, event: 'edited' })
    else if (kind === 'server') servers.apply(w, { kind, id, set })
    else sectionRows.apply(w, { kind, id, set })
  }
}

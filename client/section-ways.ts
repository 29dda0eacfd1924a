import { newEntity, type Refusal } from '../src/changes/rules.ts'
import {
  decideCutServer,
  decideRemoveSection,
  decideSkipServer,
  decideSwitchSections,
  decideUpdateSection,
  NEW_SECTION,
  NEW_SERVER,
  refusePlan,
  refuseRemoveServer,
  unknownStaff,
  type Stations,
} from '../src/sections/rules.ts'
import { make } from './lay.ts'
import type { Ways } from './reduce.ts'
import type { View } from './view.ts'
import type { Kinds } from './words.ts'

/** The commands of servers, sections and saved plans, as the client shows them. */

type Names = 'add-section' | 'update-section' | 'remove-section' | 'cut-server' | 'skip-server' | 'switch-sections'

/** All that rules of sections look at. */
const stationsOf = (view: View): Stations => ({
  servers: [...view.of('server')],
  sections: [...view.of('section')],
  tables: [...view.of('table')],
})

export const sectionWays: Pick<Ways, Names> = {
  'add-section': {
    method: 'POST',
    path: '/sections',
    makesId: true,
    shows: (view, { id, ...facts }, { now, newId }) => {
      make(view, 'section', newEntity(id ?? newId, { ...facts, ...NEW_SECTION }, now))
      return []
    },
  },
  'update-section': {
    method: 'PATCH',
    path: '/sections/:sectionId',
    shows: (view, input, { now }) => decideUpdateSection(stationsOf(view), input, now),
  },
  'remove-section': {
    method: 'DELETE',
    path: '/sections/:sectionId',
    guards: ['section', 'sectionId'],
    shows: (view, input, { now }) => decideRemoveSection(stationsOf(view), input, now),
  },
  'cut-server': {
    method: 'POST',
    path: '/servers/:serverId/cut',
    shows: (view, input, { now }) => decideCutServer(stationsOf(view), input, now),
  },
  'skip-server': {
    method: 'POST',
    path: '/servers/:serverId/skip',
    shows: (view, input, { now }) => decideSkipServer(view.get('server', input.serverId), input, now),
  },
  'switch-sections': {
    method: 'POST',
    path: '/plans/:planId/switch',
    shows: (view, { planId }, { now }) => decideSwitchSections(stationsOf(view), view.get('plan', planId), planId, now),
  },
}

/** What the plain commands of servers refuse besides. */
export const SERVER_CHECKS = {
  starts: NEW_SERVER,
  refuse: (view: View, { staffId }: Kinds['server'], before: Kinds['server'] | undefined): Refusal | null =>
    staffId === null || staffId === before?.staffId || view.get('staff', staffId) ? null : unknownStaff(staffId),
  refuseRemoval: (view: View, server: Kinds['server']) => refuseRemoveServer(server, [...view.of('section')]),
}

/** What the plain commands of plans refuse besides. */
export const PLAN_CHECKS = {
  refuse: (view: View, plan: Kinds['plan'], before: Kinds['plan'] | undefined): Refusal | null =>
    plan.sections === before?.sections ? null : refusePlan(stationsOf(view), plan),
}

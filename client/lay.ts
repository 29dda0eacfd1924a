import { canonicalJson } from '../src/changes/floor/canonical.ts'
import type { EntityEffect, Refusal } from '../src/changes/rules.ts'
import type { Instant } from '../src/platform/clock.ts'
import { withJoined } from '../src/parties/tables/rules.ts'
import type { Effect } from '../src/parties/rules.ts'
import { Unlikely, type View } from './view.ts'
import type { Kind, Kinds } from './words.ts'

/** How decisions of the rules are laid over what is shown. */

/** What a command does to one entity that is shown. */
export type Shown = EntityEffect<Kind>

/** What was decided. Throws `Unlikely` where it is a refusal. */
export function allowed<T extends object>(decision: Refusal | T): T {
  if ('code' in decision) throw new Unlikely(decision.code, decision.details)
  return decision
}

/** Lays what was decided over the view. */
export function lay(view: View, now: Instant, effects: readonly Shown[]): void {
  for (const { kind, id, set } of withJoined(view, effects as readonly Effect[])) {
    if (set === null) view.drop(kind, id)
    else change(view, now, kind, id, set)
  }
}

/** Changes an entity, if it is shown. What changes nothing is no change, as on the server. */
function change(view: View, now: Instant, kind: Kind, id: string, set: object): void {
  const before = view.get(kind, id)
  const after = { ...before, ...set } as Kinds[Kind]
  if (!before || canonicalJson(before) === canonicalJson(after)) return
  if (kind === 'table') refuseKeys(view, after as Kinds['table'])
  view.put(kind, { ...after, version: before.version + 1, updatedAt: now })
}

/** Makes an entity. The server's keys refuse it last, and so does this. */
export function make<K extends Kind>(view: View, kind: K, made: Kinds[K]): void {
  if (view.get(kind, made.id)) throw new Unlikely('id-taken')
  if (kind === 'table') refuseKeys(view, made as Kinds['table'])
  view.put(kind, made)
}

function refuseKeys(view: View, { id, number, areaId }: Kinds['table']): void {
  for (const table of view.of('table'))
    if (table.number === number && table.id !== id) throw new Unlikely('table-number-taken', { table })
  if (areaId !== null && !view.get('area', areaId)) throw new Unlikely('unknown-area')
}

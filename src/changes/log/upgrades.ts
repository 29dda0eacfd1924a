import { upgraded, type Upgrade } from './rules.ts'

/**
 * Every change of an entity's shape since the log has versions, oldest first. A release that adds a kind, or adds, renames
 * or removes a field, adds a line, next to its migration; released lines stay. `docs/operations.md`, "Upgrading", says what follows.
 *
 * The log is at version 1 + the number of lines. `upgrades.test.ts` compares the lines with the entities.
 */
export const upgrades: readonly Upgrade[] = [
  // One line each, new ones at the end.
  { kind: 'staff', isNew: true },
  { kind: 'area', isNew: true },
  { kind: 'guest', add: { personId: null, person: null } },
  { kind: 'reservation', add: { personId: null, person: null } },
  { kind: 'settings', isNew: true },
  {
    kind: 'guest',
    add: {
      quotedFrom: null,
      quotedTo: null,
      quoteReason: null,
      quotedAt: null,
      firstQuotedTo: null,
      notifiedAt: null,
      graceUntil: null,
      onMyWayAt: null,
      lateMinutes: null,
      arrivedCount: null,
      jumpReason: null,
      endReason: null,
    },
  },
  { kind: 'turn', isNew: true },
  {
    kind: 'table',
    add: {
      areaId: null,
      width: null,
      height: null,
      rotation: 0,
      minCapacity: 1,
      joinedTo: null,
      joined: [],
      statusUntil: null,
      heldFor: null,
      statusReason: null,
      checkAt: null,
      paidAt: null,
    },
  },
  { kind: 'server', isNew: true },
  { kind: 'section', isNew: true },
  { kind: 'plan', isNew: true },
  { kind: 'table', add: { sectionId: null, serverId: null } },
  { kind: 'guest', add: { serverId: null } },
  { kind: 'reservation', add: { serverId: null } },
]

/** The version of the log that this program writes and reads. */
export const LOG_VERSION = 1 + upgrades.length

/** Entries that were stored at an earlier version, as they are stored now. */
export function upgradeEntries<E extends Told>(entries: readonly E[], version: number): readonly E[] {
  const due = upgrades.slice(version - 1)
  return due.length === 0 ? entries : entries.map((entry) => due.reduce(upgradeEntry, entry))
}

/** What an entry says of an entity. */
interface Told {
  readonly kind: string
  readonly value?: object
}

function upgradeEntry<E extends Told>(entry: E, upgrade: Upgrade): E {
  if (entry.kind !== upgrade.kind || entry.value === undefined) return entry
  return { ...entry, value: upgraded(entry.value, upgrade) }
}

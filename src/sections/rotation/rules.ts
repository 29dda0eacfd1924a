import type { Instant } from '../../platform/clock.ts'
import { boundsOf, dayOf, periodAt, type Hours } from '../../settings/hours/rules.ts'

/**
 * The rotation: which server gets the next party, and why. Made of what the floor shows, so every device and the server
 * come to the same answer. Pure.
 *
 * Whoever has the fewest covers is next. A cover above the sixth of a party counts half again, because large parties are
 * more work. A server who joins in the middle of the evening starts level with the one who has the fewest, so nobody is
 * sent one party after the other to catch up.
 */

/** The part of a server that the rotation looks at. */
export interface ServerState {
  readonly id: string
  readonly name: string
  /** Since when the server has an open section, or is back from a cut; null without one. */
  readonly joinedAt: Instant | null
  /** When the server was cut; null: not cut. */
  readonly cutAt: Instant | null
  /** When the server was passed over last. It counts until somebody else has got a party. */
  readonly skippedAt: Instant | null
}

/** A party that a server got. */
export interface ServedParty {
  readonly serverId: string | null
  readonly partySize: number
  readonly seatedTime: Instant | null
}

/** Why a server is before the one behind: what decided between them. */
export const REASONS = [
  'others-skipped',
  'fewest-covers',
  'longest-since-seating',
  'joined-first',
  'last-in-line',
] as const
export type Reason = (typeof REASONS)[number]

/** Why a server gets nobody now. */
export const ABSENCES = ['cut', 'no-open-section'] as const
export type Absence = (typeof ABSENCES)[number]

/** A server's place in the rotation. */
export interface Turn {
  readonly serverId: string
  /** From 1; null for whoever gets nobody. */
  readonly place: number | null
  readonly reason: Reason | null
  readonly absence: Absence | null
  /** Passed over by hand, until somebody else has got a party. */
  readonly isSkipped: boolean
  /** Covers and parties of the evening. */
  readonly covers: number
  readonly parties: number
  readonly lastSeatedAt: Instant | null
  /** What is compared: covers with the weight of large parties, and the start of who came later. */
  readonly load: number
}

const LARGE = 6

/** Parties that were seated from here on count: those of the service period that is on, or else of the service day. */
export const countsSince = (now: Instant, hours: Hours): Instant =>
  periodAt(now, hours)?.from ?? boundsOf(dayOf(now, hours), hours).from

/** How much work a party is, in covers. */
export const weightOf = (partySize: number): number => partySize + Math.max(0, partySize - LARGE) / 2

interface Tally {
  readonly server: ServerState
  covers: number
  parties: number
  load: number
  lastSeatedAt: Instant | null
  hasJoined: boolean
}

/**
 * Every server with its place, the next one first, then whoever gets nobody. `parties` that were seated before
 * `since` are left out, see {@link countsSince}. Spec: Y16 to Y19.
 */
export function rotation(
  servers: readonly ServerState[],
  parties: readonly ServedParty[],
  since: Instant,
): readonly Turn[] {
  const seated = parties.filter(
    (party): party is ServedParty & { readonly serverId: string; readonly seatedTime: Instant } =>
      party.serverId !== null && party.seatedTime !== null && party.seatedTime >= since,
  )
  const tallies = talliesOf(servers, seated, since)
  const wasSkipped = ({ server: { id, skippedAt } }: Tally) =>
    skippedAt !== null && !seated.some(({ serverId, seatedTime }) => serverId !== id && seatedTime > skippedAt)
  const line = tallies
    .map((tally) => ({ tally, absence: absenceOf(tally.server), isSkipped: wasSkipped(tally) }))
    .toSorted(compare)
  const present = line.filter(({ absence }) => absence === null).length
  return line.map(({ tally, absence, isSkipped }, n) => ({
    serverId: tally.server.id,
    place: absence === null ? n + 1 : null,
    reason: absence === null ? reasonOf(line[n]!, n + 1 < present ? line[n + 1]! : null) : null,
    absence,
    isSkipped,
    covers: tally.covers,
    parties: tally.parties,
    lastSeatedAt: tally.lastSeatedAt,
    load: tally.load,
  }))
}

/** The server who gets the next party; null when nobody can. */
export const nextServer = (turns: readonly Turn[]): string | null =>
  turns[0]?.absence === null ? turns[0].serverId : null

/** Goes through the evening in the order of time: parties that were seated, and servers who joined. */
function talliesOf(
  servers: readonly ServerState[],
  parties: readonly (ServedParty & { readonly serverId: string; readonly seatedTime: Instant })[],
  since: Instant,
): readonly Tally[] {
  const tallies = new Map<string, Tally>(
    servers.map((server) => [
      server.id,
      { server, covers: 0, parties: 0, load: 0, lastSeatedAt: null, hasJoined: false },
    ]),
  )
  const joins = servers
    .filter(({ joinedAt }) => joinedAt !== null)
    .map(({ id, joinedAt }) => ({ at: joinedAt! < since ? since : joinedAt!, id, size: null }))
  const seats = parties.map(({ seatedTime, serverId, partySize }) => ({
    at: seatedTime,
    id: serverId,
    size: partySize,
  }))
  // Of what happens at one moment, joining comes first. The sort is stable.
  for (const { at, id, size } of [...joins, ...seats].toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))) {
    const tally = tallies.get(id)
    if (!tally) continue
    if (size === null) {
      const others = [...tallies.values()]
        .filter(({ hasJoined, server }) => hasJoined && server.cutAt === null)
        .map(({ load }) => load)
      tally.load = Math.max(tally.load, others.length === 0 ? 0 : Math.min(...others))
      tally.hasJoined = true
      continue
    }
    tally.covers += size
    tally.parties += 1
    tally.load += weightOf(size)
    tally.lastSeatedAt = at
  }
  return [...tallies.values()]
}

const absenceOf = ({ joinedAt, cutAt }: ServerState): Absence | null =>
  cutAt !== null ? 'cut' : joinedAt === null ? 'no-open-section' : null

interface InLine {
  readonly tally: Tally
  readonly absence: Absence | null
  readonly isSkipped: boolean
}

/** Who is first of two. Whoever gets nobody comes last, and before them whoever was passed over, by turns. */
const compare = (a: InLine, b: InLine): number =>
  Number(a.absence !== null) - Number(b.absence !== null) ||
  Number(a.isSkipped) - Number(b.isSkipped) ||
  (a.isSkipped ? byText(a.tally.server.skippedAt, b.tally.server.skippedAt) : 0) ||
  a.tally.load - b.tally.load ||
  // An earlier last seating is a longer wait, and no seating the longest.
  byText(a.tally.lastSeatedAt, b.tally.lastSeatedAt) ||
  byText(a.tally.server.joinedAt, b.tally.server.joinedAt) ||
  byText(a.tally.server.id, b.tally.server.id)

const byText = (a: string | null, b: string | null): number => ((a ?? '') < (b ?? '') ? -1 : a === b ? 0 : 1)

function reasonOf(first: InLine, behind: InLine | null): Reason {
  if (behind === null) return 'last-in-line'
  if (behind.isSkipped && !first.isSkipped) return 'others-skipped'
  if (first.tally.load < behind.tally.load) return 'fewest-covers'
  return byText(first.tally.lastSeatedAt, behind.tally.lastSeatedAt) < 0 ? 'longest-since-seating' : 'joined-first'
}

import type { Instant } from '../platform/clock.ts'

/**
 * What the floor shows of a person, and how two records of one person become one. Pure. The server and the client share
 * this file.
 */

/** The facts of a person. */
export interface PersonFacts {
  readonly firstName: string
  readonly lastName: string
  readonly phone: string | null
  readonly email: string | null
  readonly isVip: boolean
  readonly tags: string[]
  readonly dietaryNeeds: string[]
  readonly allergies: string[]
  readonly seatingPreference: string | null
  readonly birthday: string | null
  readonly notes: string | null
  readonly consentAt: Instant | null
  readonly earlierVisits: number
}

/** What a host needs to know of a person without a connection. A party on the floor carries it. */
export interface PersonSummary {
  readonly isVip: boolean
  readonly tags: string[]
  readonly allergies: string[]
  readonly seatingPreference: string | null
  /** Visits that ended well, an hour before this one was added or earlier. */
  readonly visits: number
}

/** Whose visit a party is. */
export interface Joined {
  readonly personId: string | null
  readonly person: PersonSummary | null
}

/** A party of nobody in the guest book. */
export const NOBODY: Joined = { personId: null, person: null }

/** What a party carries of a person. */
export const summaryOf = (
  { isVip, tags, allergies, seatingPreference }: PersonFacts,
  visits: number,
): PersonSummary => ({ isVip, tags, allergies, seatingPreference, visits })

/** The longest lists and texts of a person, so that two never become one that is too long. */
export interface PersonLimits {
  readonly tags: number
  readonly needs: number
  readonly noteCharacters: number
}

/**
 * One record of two. What `kept` has counts first; lists and notes have what either has. Consent is kept only where both
 * gave it, since the later date.
 */
export function mergedFacts(kept: PersonFacts, other: PersonFacts, limits: PersonLimits): PersonFacts {
  const both = (a: readonly string[], b: readonly string[], most: number) => [...new Set([...a, ...b])].slice(0, most)
  const notes = [kept.notes, other.notes].filter((each) => each !== null && each !== '')
  const consents = [kept.consentAt, other.consentAt].filter((each) => each !== null).toSorted()
  return {
    firstName: kept.firstName || other.firstName,
    lastName: kept.lastName || other.lastName,
    phone: kept.phone ?? other.phone,
    email: kept.email ?? other.email,
    isVip: kept.isVip || other.isVip,
    tags: both(kept.tags, other.tags, limits.tags),
    dietaryNeeds: both(kept.dietaryNeeds, other.dietaryNeeds, limits.needs),
    allergies: both(kept.allergies, other.allergies, limits.needs),
    seatingPreference: kept.seatingPreference ?? other.seatingPreference,
    birthday: kept.birthday ?? other.birthday,
    notes: notes.length === 0 ? kept.notes : notes.join('\n').slice(0, limits.noteCharacters),
    consentAt: consents.length === 2 ? consents[1]! : null,
    earlierVisits: Math.min(kept.earlierVisits + other.earlierVisits, 2_147_483_647),
  }
}

/**
 * The facts of a person when a merge is undone: what the merge made is as it was before, what somebody changed since
 * stays.
 */
export function unmergedFacts(now: PersonFacts, merged: PersonFacts, before: PersonFacts): PersonFacts {
  const names = Object.keys(before) as (keyof PersonFacts)[]
  const isAsMerged = (name: keyof PersonFacts) => JSON.stringify(now[name]) === JSON.stringify(merged[name])
  return Object.fromEntries(
    names.map((name) => [name, isAsMerged(name) ? before[name] : now[name]]),
  ) as unknown as PersonFacts
}

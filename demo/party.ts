import type { Fields } from './copy.ts'
import type { PartyPlan } from './evening.ts'

/** Where a party is in its visit, as the devices show it. */
export type Phase = 'expected' | 'late' | 'waiting' | 'seated' | 'gone'

/** A party of the evening: its plan, and how far it has come. Minutes are since midnight. */
export class Party {
  readonly plan: PartyPlan
  id: string | null = null
  phase: Phase = 'expected'
  size: number
  /** Minutes it was told it would wait. */
  quote = 0
  /** When it first waited, first sat, last sat, and left. */
  waitedFrom: number | null = null
  firstSeated: number | null = null
  seatedAt: number | null = null
  /** Minutes left to eat, where it was thrown off its table. */
  dining: number
  /** How it ended, in the server's word; `Deleted` for a line that was struck out. */
  ended: string | null = null
  endedAt: number | null = null
  thrownOff = 0
  /** Led to a table at the same moment as another party; nobody knows yet which of them has it. */
  contested = false
  /** It was seated in its odd way already. */
  oddlySeated = false
  noted = false
  grown = false
  moved = false
  /** A table kept for it. */
  heldTable: string | null = null
  #seen = false

  constructor(plan: PartyPlan) {
    this.plan = plan
    this.size = plan.size
    this.dining = plan.dining
  }

  /** Catches up with what a device shows of it. */
  observe(guest: Fields | undefined, now: number): void {
    if (this.phase === 'gone') return
    if (!guest) {
      if (this.#seen) this.#leave('Deleted', now)
      return
    }
    this.#seen = true
    this.size = Number(guest['partySize'])
    const status = String(guest['status'])
    if (status === 'Running Late') this.phase = 'late'
    else if (status === 'Waitlist' || status === 'Arrived') this.#wait(now)
    else if (status === 'Seated') this.#sit(now)
    else this.#leave(status, now)
  }

  /** How hosts speak of it. */
  get family(): string {
    return `the ${this.plan.name[1]}s`
  }

  /** When it will be done eating, or null. */
  get leavesAt(): number | null {
    return this.phase === 'seated' && this.seatedAt !== null ? this.seatedAt + this.dining : null
  }

  #wait(now: number): void {
    if (this.contested) this.thrownOff++
    this.contested = false
    if (this.phase === 'seated' && this.seatedAt !== null) {
      this.thrownOff++
      this.dining = Math.max(10, this.seatedAt + this.dining - now)
      this.seatedAt = null
    }
    this.phase = 'waiting'
    this.waitedFrom ??= now
  }

  #sit(now: number): void {
    this.contested = false
    if (this.phase === 'seated') return
    this.phase = 'seated'
    this.waitedFrom ??= now
    this.firstSeated ??= now
    this.seatedAt = now
  }

  #leave(ended: string, now: number): void {
    this.phase = 'gone'
    this.ended = ended
    this.endedAt = now
  }
}

/** An evening in figures. */
export interface Summary {
  readonly parties: number
  readonly covers: number
  /** Mean minutes; not a number when nobody waited or left. */
  readonly wait: number
  readonly turn: number
  readonly noShows: number
  readonly cancelled: number
  readonly gaveUp: number
  readonly thrownOff: number
  readonly stillWaiting: number
  readonly stillSeated: number
}

/** What became of the parties of one or more restaurants. Parties and covers are those who sat down. */
export function summarize(parties: readonly Party[]): Summary {
  const sat = parties.filter((party) => party.firstSeated !== null)
  const left = sat.filter((party) => party.ended === 'Finished')
  const count = (holds: (party: Party) => boolean) => parties.filter(holds).length
  return {
    parties: sat.length,
    covers: sat.reduce((sum, party) => sum + party.size, 0),
    wait: mean(sat.map((party) => party.firstSeated! - party.waitedFrom!)),
    turn: mean(left.map((party) => party.endedAt! - party.firstSeated!)),
    noShows: count((party) => party.ended === 'No Show'),
    cancelled: count((party) => party.ended === 'Cancelled' && party.waitedFrom === null),
    gaveUp: count((party) => party.ended === 'Cancelled' && party.waitedFrom !== null),
    thrownOff: parties.reduce((sum, party) => sum + party.thrownOff, 0),
    stillWaiting: count((party) => party.phase === 'waiting'),
    stillSeated: count((party) => party.phase === 'seated'),
  }
}

const mean = (of: readonly number[]): number => of.reduce((sum, each) => sum + each, 0) / of.length

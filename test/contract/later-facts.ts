import { LATER_FACTS } from '../../src/ios/guest-facts.ts'

/** What the contract gives beyond what was recorded: facts that the old backend did not have. */

/** Whether a difference that the replayer found is such a fact. */
export const isLaterFact = (line: string): boolean => LATER_FACTS.some((name) => line.includes(`.${name}: extra, got `))

/** The places of such facts, which what was recorded lacks. */
export const laterPlaces: readonly RegExp[] = LATER_FACTS.map((name) => new RegExp(`\\.${name}$`))

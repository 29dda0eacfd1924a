import type { Edit } from './plant.ts'

/** A bug that tests of the suite find within seconds: they run once more, on sources that have it. */
export interface QuickBug {
  readonly name: string
  /** Files are named from the repository's root. */
  readonly edits: readonly Edit[]
  /** The file of the tests that must notice. */
  readonly test: string
  /** The names of those tests begin like this; each of them runs, and at least one must fail. */
  readonly named: string
}

/** What became of a bug. `said`: what the first test that failed said; null when none did. */
export interface QuickFound {
  readonly name: string
  readonly said: string | null
  readonly ran: number
  readonly seconds: number
}

/** A text with each edit done. Throws when what is to be replaced isn't found exactly once: then the list is out of date. */
export function edited(file: string, text: string, edits: readonly Edit[]): string {
  let result = text
  for (const { from, to } of edits) {
    const found = result.split(from).length - 1
    if (found !== 1) throw new Error(`in ${file} this is to be replaced and found ${found} times:\n${from}`)
    result = result.replace(from, () => to)
  }
  return result
}

/** How much a bench does, and what it says: rows of one table, which `bench.ts` puts together. */

/** What a ratio has to be. */
export type Goal = { readonly atLeast: number } | { readonly atMost: number }

/** One figure of ours beside its limit, which was measured in the same run. */
export interface Row {
  readonly what: string
  readonly ours: string
  readonly limit: string
  readonly ratio: number
  /** Null: only to be looked at. */
  readonly goal: Goal | null
}

export const atLeast = (least: number): Goal => ({ atLeast: least })
export const atMost = (most: number): Goal => ({ atMost: most })

/** Whether a row's ratio is what it has to be; null where nothing is asked of it. */
export function isMet({ ratio, goal }: Row): boolean | null {
  if (!goal) return null
  return 'atLeast' in goal ? ratio >= goal.atLeast : ratio <= goal.atMost
}

/** A goal as the table has it. */
export const goalText = (goal: Goal | null): string =>
  goal === null ? '' : 'atLeast' in goal ? `>= ${goal.atLeast}` : `<= ${goal.atMost}`

/** Says a row: at once on the terminal, and to the process that runs all benches. */
export function row(what: string, ours: string, limit: string, ratio: number, goal: Goal | null = null): void {
  say(`${what}: ${ours} against ${limit}, ${ratio.toFixed(2)}`)
  process.send?.({ what, ours, limit, ratio, goal } satisfies Row)
}

export const say = (line: string): void => void process.stdout.write(`${line}\n`)

type Effort = 'full' | 'quick' | 'short'

const effort: Effort = process.argv.includes('--short') ? 'short' : process.argv.includes('--quick') ? 'quick' : 'full'

/** One of three, by the effort: `--quick` measures roughly, `--short` only shows that the bench runs. */
export const by = <T>(of: Readonly<Record<Effort, T>>): T => of[effort]

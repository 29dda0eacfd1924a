/** How much a bench does: `--quick` says roughly, `--short` only shows that it runs. */
export type Effort = 'full' | 'quick' | 'short'

export const effort: Effort = process.argv.includes('--short')
  ? 'short'
  : process.argv.includes('--quick')
    ? 'quick'
    : 'full'

/** One of three, by the effort. */
export const by = <T>(of: Readonly<Record<Effort, T>>): T => of[effort]

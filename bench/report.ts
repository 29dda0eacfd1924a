/** What benches say: rows of one table, and curves. Whoever runs them all (bench.ts) is told; who runs one alone sees what it prints itself. */

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

/** How a cost grows. */
export interface Curve {
  readonly title: string
  /** What grows, and what it costs, with its unit. */
  readonly x: string
  readonly y: string
  readonly series: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[]
}

/** What a bench tells its parent. */
export type Message = { readonly row: Row } | { readonly curve: Curve }

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

/** Says a row. */
export function row(what: string, ours: string, limit: string, ratio: number, goal: Goal | null = null): void {
  tell({ row: { what, ours, limit, ratio, goal } })
}

/** Says a curve. */
export function curve(made: Curve): void {
  tell({ curve: made })
}

const tell = (message: Message): void => void process.send?.(message)

import { busy, isStale } from './database-errors.ts'
import { limits } from '../limits.ts'
import type { Owner } from './statement.ts'

/**
 * Finds out which server the epochs belong to, gives new ones where needed, and opens the guard (migrations/0013).
 */
export type CheckEpochs = (db: Owner) => Promise<unknown>

/**
 * Runs transactions that the database refuses while its epochs are unchecked. The first refused one starts the check.
 * All refused ones wait for it, without a connection, and are run again. A refused transaction has done nothing.
 */
export class EpochGuard {
  readonly #check: () => Promise<unknown> | undefined
  #checking: Promise<unknown> | null = null

  constructor(check: () => Promise<unknown> | undefined) {
    this.#check = check
  }

  /** Throws `AppError` busy (503) when the check fails or takes too long, and what `transaction` throws. */
  async run<T>(transaction: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + limits.poolWaitMillis
    for (let attempt = 1; ; attempt++) {
      if (this.#checking) await by(deadline, this.#checking)
      try {
        return await transaction()
      } catch (error) {
        if (!isStale(error)) throw error
        // A server that has recovered twice meanwhile will do so again.
        if (attempt === limits.epochChecks)
          throw busy('The database has recovered, and its epochs could not be checked')
      }
      await by(deadline, (this.#checking ??= this.#begin()))
    }
  }

  async #begin(): Promise<unknown> {
    try {
      return await this.#check()
    } finally {
      this.#checking = null
    }
  }
}

/** Waits until then at most. */
async function by(deadline: number, checking: Promise<unknown>): Promise<void> {
  let late: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    late = setTimeout(() => reject(new Error('it takes too long')), deadline - performance.now())
  })
  try {
    await Promise.race([checking, tooLate])
  } catch (error) {
    throw busy(`The database has recovered, and its epochs could not be checked: ${(error as Error).message}`)
  } finally {
    clearTimeout(late)
  }
}

import { writeFileSync } from 'node:fs'
import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'

/** What became of a run of vitest. `skipped`: name and reason, as far as one was given. */
export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
}

/** Writes the counts of a run to the file of QTABLE_COUNTS, for check.ts. Where no test could run, for a fault in its file, that counts as one failed. */
export default class CountingReporter implements Reporter {
  onInit(): void {
    this.#write({ passed: 0, failed: 1, skipped: [] })
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    let [passed, failed] = [0, unhandled.length]
    const skipped: { name: string; reason: string }[] = []
    for (const module of modules) {
      failed += module.errors().length
      for (const suite of module.children.allSuites()) failed += suite.errors().length
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') passed++
        else if (result.state === 'skipped') skipped.push({ name: test.fullName, reason: result.note ?? '' })
        else failed++
      }
    }
    this.#write({ passed, failed, skipped })
  }

  #write(counts: Counts): void {
    const file = process.env['QTABLE_COUNTS']
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts))
  }
}

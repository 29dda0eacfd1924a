import { writeFileSync } from 'node:fs'
import type { SerializedError } from 'vitest'
import type { Reporter, TestModule } from 'vitest/node'

/** What became of a run of vitest. `failures`: what failed and the first line of why. `skipped`: name and reason, as far as one was given. */
export interface Counts {
  readonly passed: number
  readonly failures: readonly { readonly name: string; readonly reason: string }[]
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
}

const firstLine = (text: string): string => text.trim().split('\n', 1)[0]!.slice(0, 800)

/** Writes the counts of a run to the file of QTABLE_COUNTS, for check.ts. Where no test could run, for a fault in its file, that counts as one failed. */
export default class CountingReporter implements Reporter {
  onInit(): void {
    this.#write({ passed: 0, failures: [{ name: 'tests', reason: 'the run did not end' }], skipped: [] })
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    let passed = 0
    const failures: { name: string; reason: string }[] = []
    const skipped: { name: string; reason: string }[] = []
    const fail = (name: string, errors: readonly SerializedError[]) =>
      failures.push({ name, reason: firstLine(errors[0]?.message ?? 'no reason given') })
    for (const error of unhandled) fail('outside of a test', [error])
    for (const module of modules) {
      const file = module.relativeModuleId
      for (const error of module.errors()) fail(file, [error])
      for (const suite of module.children.allSuites())
        for (const error of suite.errors()) fail(`${file} > ${suite.fullName}`, [error])
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') passed++
        else if (result.state === 'skipped') skipped.push({ name: test.fullName, reason: result.note ?? '' })
        else fail(`${file} > ${test.fullName}`, result.errors ?? [])
      }
    }
    this.#write({ passed, failures, skipped })
  }

  #write(counts: Counts): void {
    const file = process.env['QTABLE_COUNTS']
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts))
  }
}

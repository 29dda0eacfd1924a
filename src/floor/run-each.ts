import { z } from 'zod'
import { AppError } from '../platform/errors.ts'
import { command, type Write } from '../changes/command/command.ts'
import { lockAll, operations, runPart, type Operation } from './run-batch.ts'

/** The outcome of one operation of a list. */
export type EachResult =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly details: object }

/**
 * Many commands in one transaction and one change: those that succeed. The answer gives the reason for each other
 * one. Spec: B2.
 */
export const runEach = command({
  name: 'run-each',
  summary: 'Run many commands in one transaction: those that succeed',
  method: 'POST',
  path: '/each',
  role: 'host',
  inBatch: false,
  budget: [8, 3],
  announcesNothing: true,
  input: z.strictObject({ operations }),
  answer: z.object({
    results: z.array(
      z.union([
        z.object({ ok: z.literal(true), result: z.unknown() }),
        z.object({ ok: z.literal(false), code: z.string(), message: z.string(), details: z.looseObject({}) }),
      ]),
    ),
  }),
  async run(w, input): Promise<{ results: EachResult[] }> {
    const results: EachResult[] = []
    await lockAll(w, input.operations)
    for (const part of input.operations) results.push(await tryPart(w, part))
    return { results }
  },
})

async function tryPart(w: Write, part: Operation): Promise<EachResult> {
  try {
    return { ok: true, result: await w.attempt(() => runPart(w, part)) }
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error
    return { ok: false, code: error.code, message: error.message, details: error.details }
  }
}

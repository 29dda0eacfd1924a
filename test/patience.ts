/**
 * Limits of time in tests. A slow machine makes a test slow, not red: every limit grows with how slow it is, which vitest.config.ts measures at the start of
 * a run and TEST_SLOWNESS sets.
 */

/** 1 on a quiet machine of the kind that CI has, more on a slower or busy one. */
const slowness = Number(process.env['TEST_SLOWNESS'] ?? 1)

/** What is promised: so long on a quiet machine, longer on a slow one. */
export const within = (millis: number): number => Math.round(millis * slowness)

/** What only ends a test that hangs: generous, as it costs nothing while nothing hangs. */
export const upTo = (millis: number): number => within(millis * 4)

/** The forms in which the app's contract writes an instant. Which one is used where is part of the contract. */
import type { Instant } from '../platform/clock.ts'

/** Without a zone, as most bodies have it: `2026-11-23T18:00:00.123456`, without a fraction when it is zero. */
export const naive = (instant: Instant): string => instant.slice(0, instant.endsWith('.000000Z') ? 19 : 26)

/** {@link naive} for a time that may not have come yet. */
export const naiveOrNull = (instant: Instant | null): string | null => (instant === null ? null : naive(instant))

/** Like {@link naive}, with `Z`. */
export const zulu = (instant: Instant): string => `${naive(instant)}Z`

/** Like {@link naive}, with `+00:00`. */
export const offset = (instant: Instant): string => `${naive(instant)}+00:00`

/** In messages of both sockets: always with six digits, which is just what an instant is. */
export const socketTime = (instant: Instant): string => instant

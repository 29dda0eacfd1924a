/** The formats of an instant in the app's contract. The contract also defines which one is used where. */
import type { Instant } from '../platform/clock.ts'

/** Without a zone, as in most bodies: `2026-11-23T18:00:00.123456`, without a fraction when it is zero. */
export const naive = (instant: Instant): string => instant.slice(0, instant.endsWith('.000000Z') ? 19 : 26)

/** {@link naive} for a time that may be null. */
export const naiveOrNull = (instant: Instant | null): string | null => (instant === null ? null : naive(instant))

/** Like {@link naive}, with `Z`. */
export const zulu = (instant: Instant): string => `${naive(instant)}Z`

/** Like {@link naive}, with `+00:00`. */
export const offset = (instant: Instant): string => `${naive(instant)}+00:00`

/** In messages of both sockets: always six digits, which is the format of an instant. */
export const socketTime = (instant: Instant): string => instant

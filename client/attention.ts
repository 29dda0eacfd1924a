import { limits } from './limits.ts'
import type { Surroundings } from './surroundings.ts'

/** Whether a person looks. */
export interface Attention {
  readonly isPaid: () => boolean
  /** Stops watching. */
  readonly end: () => void
}

/**
 * Watches whether a person looks, and calls `wake` when what is held has to be looked at anew: a page is shown again, or the clock jumped while it was shown,
 * because the machine slept. Where the machine does not tell (Node), nobody looks. Spec: D14.
 */
export function attention(at: Surroundings, wake: () => void): Attention {
  let isShown: boolean | undefined
  let callOff: (() => void) | undefined
  const pulse = () => {
    const due = at.now() + limits.pulseMillis
    callOff = at.after(limits.pulseMillis, () => {
      pulse()
      if (at.now() - due >= limits.sleptMillis) wake()
    })
  }
  const end = at.watchShown?.((shown) => {
    const isBack = shown && isShown === false
    isShown = shown
    callOff?.()
    if (shown) pulse()
    if (isBack) wake()
  })
  return {
    isPaid: () => isShown === true,
    end() {
      end?.()
      callOff?.()
    },
  }
}

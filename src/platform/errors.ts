/**
 * A refusal: the request was understood and cannot be done. Any other thrown error is a bug (500). The code is stable
 * and listed in SPEC.md. `details` has the current entity, so a client can show the true state.
 */
export class AppError extends Error {
  readonly code: string
  /** HTTP status class of the refusal: 400 to 503. */
  readonly status: number
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: string, status: number, message: string, details: Record<string, unknown> = {}) {
    super(message)
    this.name = 'AppError'
    this.code = code
    this.status = status
    this.details = details
  }
}

/** A problem of the setup or of the environment, reported to the operator without a stack trace. */
export class StartupError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StartupError'
  }
}

/** Throws unless the condition holds: for guarantees of the code, never for input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}

/**
 * A refusal: the request was understood and can't be done. Anything that is thrown and is no `AppError` is a bug (500).
 * The code is stable and listed in SPEC.md; `details` carries the current entity, so a client can show what is true.
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

/** A problem with how the server was set up or with what it stands on, told to the operator without a stack trace. */
export class StartupError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'StartupError'
  }
}

/** Throws unless the condition holds: for what the code itself guarantees, never for input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}

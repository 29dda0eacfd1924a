import { hash, verify } from '@node-rs/argon2'
import { verify as verifyBcrypt } from '@node-rs/bcrypt'
import { AppError } from './errors.ts'
import type { KeyedHash } from './keyed-hash.ts'
import { limits } from './limits.ts'

// The library's default is argon2id. These are OWASP's first choice for it: 19 MiB, two passes, one lane; about 12
// ms.
const OPTIONS = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 }

/** Who waits: `known` are staff and callers who signed in from here before; `strangers` come after them. */
type Lane = 'known' | 'strangers'

let running = 0
const waiting: Readonly<Record<Lane, (() => void)[]>> = { known: [], strangers: [] }

/**
 * Runs at most `limits.passwordChecks` at once, so that memory stays bounded when everyone signs in at opening. Each
 * lane is first come, first served. Throws `AppError` busy (503) when too many wait.
 */
async function inTurn<T>(lane: Lane, work: () => Promise<T>): Promise<T> {
  if (running >= limits.passwordChecks) {
    if (waiting[lane].length >= limits.passwordsWaiting[lane])
      throw new AppError('busy', 503, 'Too many passwords are being checked')
    await new Promise<void>((resolve) => waiting[lane].push(resolve))
  } else running++
  try {
    return await work()
  } finally {
    const next = waiting.known.shift() ?? waiting.strangers.shift()
    if (next) next()
    else running--
  }
}

/** The argon2id hash of a password, in PHC text form. */
export const hashPassword = (password: string, lane: Lane = 'known'): Promise<string> =>
  inTurn(lane, () => hash(password, OPTIONS))

/** Whether the password fits the hash (argon2 or bcrypt). An unreadable hash fits nothing. */
export async function passwordFits(password: string, stored: string, lane: Lane = 'known'): Promise<boolean> {
  return inTurn(lane, async () => {
    try {
      if (stored.startsWith('$2')) return await verifyBcrypt(password, stored)
      return await verify(stored, password)
    } catch {
      return false
    }
  })
}

/** Whether a hash should be replaced at the next sign-in: all but today's argon2id parameters. */
export const isOutdated = (stored: string): boolean => !stored.startsWith('$argon2id$v=19$m=19456,t=2,p=1$')

/**
 * A password in an input. In JSON it is a constant: from a fingerprint with its plain hash, the password would be far
 * easier to guess than from its argon2id hash. Fingerprints add a keyed hash of it instead
 * (`changes/command/mutations.ts`).
 */
export class Secret {
  // Private, so that nothing prints it by accident.
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  get text(): string {
    return this.#text
  }

  toJSON(): string {
    return SECRET_IN_JSON
  }
}

/** What commands with passwords in their input need. */
export interface Secrets {
  /** Hashes them for fingerprints. */
  readonly hash: KeyedHash
  /** Makes the tokens of guest links. */
  readonly links: KeyedHash
  /**
   * Checks somebody's own password, unless too many of their attempts have failed: throws `AppError`
   * too-many-attempts (429).
   */
  limited(staffId: string, check: () => Promise<boolean>): Promise<boolean>
}

/** The JSON form of a secret. */
export const SECRET_IN_JSON = 'a new password'

/** A new password, as a field of an input. */
export class NewPassword extends Secret {
  #hash: Promise<string> | undefined

  /** Its hash, computed once. */
  hash(): Promise<string> {
    this.#hash ??= hashPassword(this.text)
    return this.#hash
  }
}

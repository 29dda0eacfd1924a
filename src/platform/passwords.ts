import { hash, verify } from '@node-rs/argon2'
import { verify as verifyBcrypt } from '@node-rs/bcrypt'
import { limits } from './limits.ts'

// The library's default is argon2id. OWASP's first choice for it: 19 MiB, two passes, one lane; about 12 ms.
const OPTIONS = { memoryCost: 19 * 1024, timeCost: 2, parallelism: 1 }

let running = 0
const waiting: (() => void)[] = []

/** Runs at most `limits.passwordChecks` at once, first come first served: memory stays bounded when everyone signs in at opening. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= limits.passwordChecks) await new Promise<void>((resolve) => waiting.push(resolve))
  else running++
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running--
  }
}

/** The argon2id hash of a password, in PHC text form. */
export const hashPassword = (password: string): Promise<string> => inTurn(() => hash(password, OPTIONS))

/** Whether the password fits the hash (argon2 or bcrypt). An unreadable hash fits nothing. */
export async function passwordFits(password: string, stored: string): Promise<boolean> {
  return inTurn(async () => {
    try {
      if (stored.startsWith('$2')) return await verifyBcrypt(password, stored)
      return await verify(stored, password)
    } catch {
      return false
    }
  })
}

/** Whether a hash should be replaced at the next sign-in: anything but today's argon2id parameters. */
export const isOutdated = (stored: string): boolean => !stored.startsWith('$argon2id$v=19$m=19456,t=2,p=1$')

/**
 * A password in an input. In JSON it is a fixed word: a fingerprint that holds a plain hash of it would be far easier to guess it from than its argon2id
 * hash. Fingerprints add a keyed hash of it instead (`changes/mutations.ts`).
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

/** What a secret is in JSON. */
export const SECRET_IN_JSON = 'a new password'

/** A password that is to become someone's, as a field of an input. */
export class NewPassword extends Secret {
  #hash: Promise<string> | undefined

  /** Its hash, made once. */
  hash(): Promise<string> {
    this.#hash ??= hashPassword(this.text)
    return this.#hash
  }
}

import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from './platform/clock.ts'
import type { Db } from './platform/database/db.ts'
import { keyedHash } from './platform/keyed-hash.ts'
import type { Secrets } from './platform/passwords.ts'
import { Tokens } from './platform/tokens.ts'
import { SignInAttempts } from './staff/sign-ins/sign-in-attempts.ts'

/**
 * The signing key when none was given. It is generated at the first start and stored in the data folder, readable by
 * its owner only, so that tokens survive a restart.
 */
export const keptSecretKey = (dataDir: string): Promise<string> => kept(dataDir, 'secret-key')

/** The token for /metrics when none was given, and its file. It is generated and stored in the same way. */
export async function keptOpsToken(dataDir: string): Promise<{ token: string; file: string }> {
  return { token: await kept(dataDir, 'ops-token'), file: join(dataDir, 'ops-token') }
}

async function kept(dataDir: string, name: string): Promise<string> {
  const file = join(dataDir, name)
  try {
    const text = (await readFile(file, 'utf8')).trim()
    if (text !== '') return text
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const made = randomBytes(32).toString('base64url')
  await mkdir(dataDir, { recursive: true })
  // Write the file completely or not at all: a crash must not leave half a key.
  const handle = await open(`${file}.new`, 'w', 0o600)
  await handle.writeFile(`${made}\n`)
  await handle.sync()
  await handle.close()
  await rename(`${file}.new`, file)
  return made
}

/** What needs SECRET_KEY: tokens and hashes of secrets. Also the limits on guesses of passwords. */
export function keysOf(secretKey: string, clock: Clock, db: Db) {
  const attempts = new SignInAttempts(db, clock, keyedHash(secretKey, 'sign-in attempts'))
  const tokens = new Tokens(secretKey, () => clock.micros() / 1e6)
  const hash = keyedHash(secretKey, 'secrets of mutations')
  const links = keyedHash(secretKey, 'guest links')
  const secrets: Secrets = { hash, links, limited: (staffId, check) => attempts.limited(staffId, check) }
  return { attempts, tokens, secrets }
}

import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The key that signs tokens when none was given: made at the first start and kept in the data folder, readable by its owner only, so that tokens outlive
 * a restart.
 */
export async function keptSecretKey(dataDir: string): Promise<string> {
  const file = join(dataDir, 'secret-key')
  try {
    const kept = (await readFile(file, 'utf8')).trim()
    if (kept !== '') return kept
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const made = randomBytes(32).toString('base64url')
  await mkdir(dataDir, { recursive: true })
  // Whole or not at all: a cut-off must not leave half a key.
  const handle = await open(`${file}.new`, 'w', 0o600)
  await handle.writeFile(`${made}\n`)
  await handle.sync()
  await handle.close()
  await rename(`${file}.new`, file)
  return made
}

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The parts of package-lock.json that matter here. */
export interface Lock {
  packages: Record<string, LockedPackage>
}
interface LockedPackage {
  readonly version?: string
  readonly dev?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

export const lockFile = fileURLToPath(new URL('../package-lock.json', import.meta.url))

/**
 * Programs for other platforms that packages name and the lock does not: npm leaves them out when it can't find them at the moment of `npm install`, and
 * then refuses every `npm ci`.
 */
export function missingFrom({ packages }: Lock): { name: string; version: string; dev: boolean }[] {
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {}, dev = false }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`])
      .map(([name, version]) => ({ name, version, dev })),
  )
}

const PLATFORM = /(android|darwin|freebsd|linux|openharmony|win32)-([a-z0-9]+?)(?:-(?:(gnu|musl)\w*|msvc|eabi))?$/

/** Adds what is missing, with the platform that its name tells. Throws on a name that tells none. */
export function completed(lock: Lock): Lock {
  const added = missingFrom(lock).map(({ name, version, dev }): [string, object] => {
    const [, os, cpu, libc] = PLATFORM.exec(name) ?? []
    if (os === undefined) throw new Error(`${name} names no platform: add it to package-lock.json by hand`)
    const only = { cpu: [cpu], ...(dev && { dev }), ...(libc && { libc: [libc === 'gnu' ? 'glibc' : libc] }) }
    return [`node_modules/${name}`, { version, ...only, optional: true, os: [os] }]
  })
  const all = [...Object.entries(lock.packages), ...added]
  return { ...lock, packages: Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1))) }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lock = JSON.parse(readFileSync(lockFile, 'utf8')) as Lock
  writeFileSync(lockFile, `${JSON.stringify(completed(lock), null, 2)}\n`)
  process.stdout.write(`package-lock.json: ${missingFrom(lock).length} packages of other platforms added\n`)
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hash as bcrypt } from '@node-rs/bcrypt'
import { afterAll } from 'vitest'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { openOld, runImport } from '../../src/import/run.ts'
import type { OldAddress, Options } from '../../src/import/options.ts'
import type { Tally } from '../../src/import/report.ts'
import { systemClock } from '../../src/platform/clock.ts'
import { createLog } from '../../src/platform/observability/log.ts'
import { TEST_SECRET, type TestDatabase } from '../kit.ts'
import { healthyRows, OLD_PASSWORD, type OldRows, type Size } from './old-rows.ts'

/** Running imports in tests. */

export const FULL = process.env['IMPORT_SCALE'] === 'full'

/** As big as the run asks for: small by default, as big as the largest customers' with IMPORT_SCALE=full. */
export const scale = (seed: number): Size =>
  FULL
    ? { restaurants: 20, tables: 2_000, guests: 50_000, reservations: 30_000, seed }
    : { restaurants: 3, tables: 60, guests: 600, reservations: 300, seed }

export const oldHash = (): Promise<string> =>
  (bcrypt as (password: string, cost: number) => Promise<string>)(OLD_PASSWORD, 4)

export const healthy = async (size: Size): Promise<OldRows> => healthyRows(size, await oldHash())

const folders: string[] = []
afterAll(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true, force: true })))

/** A folder that goes with the test file. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'qtable-import-test-'))
  folders.push(folder)
  return folder
}

export interface Ran {
  readonly ok: boolean
  readonly tally: Tally
  readonly lines: readonly string[]
  readonly folder: string
}

/** One import, in this process. */
export async function importInto(
  database: TestDatabase,
  from: OldAddress,
  options: Partial<Options> = {},
): Promise<Ran> {
  const source = await openOld(from)
  const folder = ownFolder()
  let text = ''
  const out = { write: (more: string) => void (text += more) }
  try {
    const deps = { db: database.db, clock: systemClock(), out, source, folder }
    const ran = await runImport(deps, { dryRun: false, onlyMissing: false, timeZone: null, ...options })
    return { ...ran, lines: text.split('\n'), folder }
  } finally {
    await source.close()
  }
}

/** All rows of QTable, table by table, in the order of their keys. Times of the import itself are told as `import`. */
export async function dump(database: TestDatabase, begun = '9999'): Promise<Record<string, Record<string, unknown>[]>> {
  const all: Record<string, Record<string, unknown>[]> = {}
  for (const table of ['restaurants', 'staff', 'tables', 'guests', 'reservations', 'tombstones', 'heads', 'changes']) {
    const rows = await database.sql<{ row: Record<string, unknown> }>(
      `select to_jsonb(t) as row from qtable.${table} t order by restaurant_id, to_jsonb(t)->>'id', to_jsonb(t)->>'kind'`,
    )
    all[table] = rows.map(({ row }) => {
      const { epoch: _, ...rest } = row
      for (const name of ['updated_at', 'at', 'last_at', 'floor_at'])
        if (typeof rest[name] === 'string' && rest[name] > begun) rest[name] = 'import'
      return rest
    })
  }
  return all
}

/** The application over a database that something was imported into, on a free port of loopback. */
export async function serve(database: TestDatabase): Promise<{ base: string; close: () => Promise<void> }> {
  const read = readConfig({ SECRET_KEY: TEST_SECRET, ENVIRONMENT: 'test', LOG_LEVEL: 'silent' })
  if ('problems' in read) throw new Error(read.problems.join('; '))
  const { config } = read
  const app = await buildApp({
    config,
    secretKey: TEST_SECRET,
    db: database.db,
    clock: systemClock(),
    log: createLog('silent'),
  })
  await app.server.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.server.address()
  const base = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  return { base, close: () => app.close() }
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startEmbedded } from '../src/platform/embedded/embedded.ts'
import { migrate, readMigrations } from '../src/platform/database/migrate.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL whose login may make databases. */
    postgresUrl: string
    /** The migrated database that each test file gets a copy of. */
    template: string
  }
}

/** A real PostgreSQL for the tests: the one of TEST_DATABASE_URL, else the one that npm brings, in a folder of its own and stopped at the end. */
export async function openPostgres(): Promise<{ url: string; close: () => Promise<void> }> {
  const given = process.env['TEST_DATABASE_URL']
  if (given) return { url: given, close: async () => undefined }
  const dataDir = await mkdtemp(join(tmpdir(), 'qtable-test-'))
  // Not durable: nothing here outlives the run. What must survive a kill starts a durable one itself.
  const embedded = await startEmbedded({ dataDir, maxConnections: 300, say: () => undefined, durable: false })
  const close = async () => {
    await embedded.stop()
    await rm(embedded.location, { recursive: true, force: true })
    await rm(dataDir, { recursive: true, force: true })
  }
  return { url: embedded.url, close }
}

/** The same server, another database. */
export function databaseIn(url: string, name: string): string {
  const [before, query] = url.split('?', 2)
  return `${before!.replace(/\/[^/]*$/, `/${name}`)}${query === undefined ? '' : `?${query}`}`
}

/** Runs one statement as the login, outside of any restaurant. */
export async function asLogin<Row extends object>(url: string, sql: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql, values)).rows
  } finally {
    await client.end()
  }
}

/** Vitest's global set-up: one PostgreSQL and one migrated template for a project. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, close } = await openPostgres()
  const template = `qtable_template_${process.pid}_${Date.now()}`
  await asLogin(url, `create database ${template}`)
  await migrate(databaseIn(url, template), await readMigrations(new URL('../migrations/', import.meta.url)))
  project.provide('postgresUrl', url)
  project.provide('template', template)
  return async () => {
    await asLogin(url, `drop database ${template} with (force)`)
    await close()
  }
}

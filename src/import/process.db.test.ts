import { spawn, type ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dump, FULL, healthy, importInto, ownFolder, scale } from '../../test/import/kit.ts'
import { oldPostgres, oldSqlite, type OldServer } from '../../test/import/old-server.ts'
import { openDatabase } from '../../test/kit.ts'
import { startEmbedded } from '../platform/embedded/embedded.ts'
import { upTo } from '../../test/patience.ts'

const MAIN = resolve('src/import/main.ts')
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href
const SIZE = FULL ? scale(55) : { restaurants: 6, tables: 120, guests: 6_000, reservations: 1_200, seed: 55 }
const LONG = { timeout: upTo(FULL ? 600_000 : 120_000) }

let old: OldServer
let cwd: string
beforeAll(async () => {
  old = await oldPostgres(await healthy(SIZE))
  cwd = ownFolder()
}, upTo(300_000))
afterAll(async () => {
  await old.close()
  await rm(cwd, { recursive: true, force: true })
})

interface Child {
  readonly process: ChildProcess
  readonly text: () => string
  readonly code: Promise<number | null>
}

function run(args: string[], env: Record<string, string>): Child {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(DATABASE_URL|QTABLE_DATA|SECRET_KEY)$/.test(name)),
  )
  const child = spawn(process.execPath, ['--import', TSX, MAIN, ...args], {
    cwd,
    env: { ...clean, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  child.stdout.on('data', (more: Buffer) => (text += more.toString('utf8')))
  child.stderr.on('data', (more: Buffer) => (text += more.toString('utf8')))
  return { process: child, text: () => text, code: once(child, 'close').then(([code]) => code as number | null) }
}

/** With a host, as settings want it; the socket's folder in the query counts before it. */
const settingsOf = (url: string) => ({ DATABASE_URL: url.replace('@/', '@localhost/') })

async function heard(child: Child, what: RegExp): Promise<void> {
  while (!what.test(child.text()) && child.process.exitCode === null) await new Promise((done) => setTimeout(done, 2))
}

test('I3: an import that is killed in the middle and run again ends the same as one that was not', LONG, async () => {
  const [cut, whole] = [await openDatabase(), await openDatabase()]
  try {
    const started = new Date().toISOString()
    await importInto(whole, { kind: 'postgresql', url: old.url })
    const child = run(['--from', old.url], settingsOf(cut.url))
    await heard(child, /: done/)
    child.process.kill('SIGKILL')
    expect(await child.code).toBeNull()
    const half = await dump(cut, started)
    expect(half['restaurants']!.length).toBeGreaterThan(0)
    expect(half['restaurants']!.length).toBeLessThan(SIZE.restaurants)
    // What is there is there in full.
    const done = new Set(half['restaurants']!.map((row) => row['restaurant_id']))
    const all = await dump(whole, started)
    for (const [table, rows] of Object.entries(all))
      expect(half[table], table).toEqual(rows.filter((row) => done.has(row['restaurant_id'])))

    const again = run(['--from', old.url], settingsOf(cut.url))
    expect([await again.code, again.text()]).toEqual([0, expect.stringContaining('Everything is accounted for')])
    expect(await dump(cut, started)).toEqual(all)
    if (FULL) console.log(again.text().split('\n').slice(-12).join('\n'))
  } finally {
    await cut.close()
    await whole.close()
  }
})

test(
  'I1: it ends with 0 when all is accounted for, else with 1; what is wrong with the command line is told',
  LONG,
  async () => {
    const database = await openDatabase()
    try {
      for (const [args, says] of [
        [[], /--from is needed/],
        [['--from', 'mysql://x'], /must begin with postgresql:\/\/ or sqlite/],
        [['--from', 'sqlite:///nowhere/old.db'], /there is no file/],
        [['--from', `sqlite://${resolve('package.json')}`], /can't read .*package.json/],
        [['--from', old.url, '--time-zone', 'Mars'], /no zone that is known/],
        [['--from', database.url], /is no database of the old server. It lacks:/],
      ] as const) {
        const child = run([...args], settingsOf(database.url))
        expect([await child.code, child.text()]).toEqual([1, expect.stringMatching(says)])
        // A login without a password has none to keep to itself.
        const { password } = new URL(settingsOf(old.url).DATABASE_URL)
        if (password !== '') expect(child.text()).not.toContain(password)
      }
      await database.sql(`create table public.restaurants (id varchar)`)
      await importInto(database, { kind: 'postgresql', url: old.url })
      await database.sql('update qtable.heads set seq = 1')
      const child = run(['--from', old.url], settingsOf(database.url))
      expect([await child.code, child.text()]).toEqual([1, expect.stringContaining('NOT everything was imported')])
    } finally {
      await database.close()
    }
  },
)

test(
  'I8: into the embedded database: a dry run makes none, a running server is in the way, and the import makes one',
  LONG,
  async () => {
    const dataDir = join(cwd, 'data')
    const file = join(cwd, 'old.db')
    oldSqlite(file, await healthy({ restaurants: 1, tables: 5, guests: 20, reservations: 5, seed: 3 }))
    const args = ['--from', `sqlite://${file}`]
    const before = readdirSync(cwd)
    const dry = run([...args, '--dry-run'], { QTABLE_DATA: dataDir })
    expect([await dry.code, dry.text()]).toEqual([0, expect.stringContaining('A dry run: nothing was stored.')])
    expect(readdirSync(cwd)).toEqual(before)
    const real = run(args, { QTABLE_DATA: dataDir })
    expect([await real.code, real.text()]).toEqual([0, expect.stringContaining('5 tables, 20 guests, 5 reservations')])
    expect(existsSync(join(dataDir, 'postgres-password'))).toBe(true)
    const embedded = await startEmbedded({ dataDir, maxConnections: 10, say: () => undefined })
    try {
      const refused = run(args, { QTABLE_DATA: dataDir })
      expect(await refused.code).toBe(1)
      expect(refused.text()).toContain(dataDir)
      expect(refused.text()).toContain('Nothing was imported.')
    } finally {
      await embedded.stop()
      await rm(embedded.location, { recursive: true, force: true })
    }
  },
)

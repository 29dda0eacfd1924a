import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'
import { commands, queries } from '../src/app.ts'
import { floorCommands, nouns } from '../src/floor/nouns.ts'

/** The rules of ARCHITECTURE.md that can be read off the files: who imports whom, how long things are, who looks outside. */

/** Nouns may reach downward only. What guests and reservations have in common, `parties`, stands above tables. */
const LADDER = [
  'restaurants',
  'settings',
  'staff',
  'people',
  'messages',
  'turns',
  'tables',
  'areas',
  'sections',
  'parties',
  'reservations',
  'guests',
  'links',
  'insights',
  'floor',
]

interface File {
  readonly path: string
  readonly text: string
  readonly imports: readonly string[]
}

const files: File[] = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  .map((path) => {
    const text = readFileSync(join('src', path), 'utf8')
    const imports = [...text.matchAll(/(?:from|import)\s+'([^']+)'/g)].map((m) => m[1]!)
    return {
      path: path.replaceAll('\\', '/'),
      text,
      imports: imports.map((name) => (name.startsWith('.') ? normalize(join(dirname(path), name)) : name)),
    }
  })

const folder = (path: string) => (path.includes('/') ? path.split('/')[0]! : '')
const isFrontDoor = (path: string) => path === `${folder(path)}/${folder(path)}.ts` || path.endsWith('/rules.ts')

/** Programs of their own: they read the settings. */
const MAINS = ['main.ts', 'import/main.ts', 'new-epoch/main.ts']

/** Below the nouns: each with what it may import besides packages. */
const GROUND: Readonly<Record<string, readonly string[]>> = {
  platform: [],
  processes: ['platform'],
  sockets: ['platform'],
  changes: ['platform', 'sockets'],
}

/** Faces of the house. None knows another; the nouns and what is below them know none. */
const DOORS = ['ios', 'native', 'ops', 'replies', 'import', 'new-epoch']

const FOLDERS = ['', ...Object.keys(GROUND), ...LADDER, 'old-backend', ...DOORS, 'api-documents']

/** Why a file of one folder may not import another, or null. */
function objection(from: string, to: string): string | null {
  const [a, b] = [folder(from), folder(to)]
  if (!to.endsWith('.ts') || a === b || a === '') return null
  if (b === '') return MAINS.includes(from) ? null : 'imports the building it stands in'
  if (GROUND[a]) return GROUND[a].includes(b) ? null : `${a} knows only: ${GROUND[a].join(', ') || 'packages'}`
  if (b === 'api-documents') return 'the documents describe: nobody needs them but the table of contents'
  if (LADDER.includes(a)) return onTheLadder(a, to)
  // What the iPad's contract and the import share: the old backend's words for what the nouns decide.
  if (a === 'old-backend') return to.endsWith('/rules.ts') ? null : 'the old words know rules only'
  if (DOORS.includes(a) && DOORS.includes(b)) return 'a door knows no other door'
  return null
}

/** `floor` runs commands of the nouns, so it may reach their files; the others are reached through the front door. */
function onTheLadder(a: string, to: string): string | null {
  const b = folder(to)
  if (GROUND[b]) return b === 'processes' ? 'a noun knows no process' : null
  if (!LADDER.includes(b)) return 'a noun knows no door'
  if (LADDER.indexOf(b) > LADDER.indexOf(a)) return 'nouns reach downward on the ladder only'
  return a === 'floor' || isFrontDoor(to) ? null : 'a noun is reached through its front door'
}

/** Folders that nobody has given a place: they have no walls. */
const unplaced = (paths: readonly string[]): string[] =>
  [...new Set(paths.map(folder))].filter((each) => !FOLDERS.includes(each))

test('R1: each folder has its place, and the list of nouns has their order', () => {
  const where = 'test/architecture.test.ts: LADDER for a noun'
  expect(unplaced(files.map(({ path }) => path)), where).toEqual([])
  expect(unplaced(['lamps/lamps.ts', 'guests/guests.ts', 'app.ts'])).toEqual(['lamps'])
  const rungs = nouns.map(({ kind }) => files.find(({ text }) => text.includes(`= entity('${kind}'`))!.path)
  const order = rungs.map((path) => LADDER.indexOf(folder(path)))
  expect(order, 'src/floor/nouns.ts').toEqual(order.toSorted((a, b) => a - b))
})

/** What files declare by `entity('kind'`, or by `command({ name:` and `query({ name:`. */
const declared = (of: 'entity' | 'command' | 'query'): string[] =>
  files.flatMap(({ text }) =>
    [...text.matchAll(new RegExp(`= ${of}\\((?:\\{\\s+name: )?'([\\w-]+)'`, 'g'))].map((m) => m[1]!),
  )

test('R6: what a file declares is in the list that all faces are made from', () => {
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).toSorted()
  // People are too many for the stream.
  const kinds = [...nouns.map(({ kind }) => kind), 'person']
  expect(declared('entity').toSorted(), 'src/floor/nouns.ts: nouns').toEqual(kinds.toSorted())
  // A plain noun makes its three commands itself.
  const plain = files.flatMap(({ text }) => [...text.matchAll(/= plain\((\w+)Entity,/g)].map((m) => m[1]!))
  const made = plain.flatMap((kind) => ['add', 'update', 'remove'].map((verb) => `${verb}-${kind}`))
  expect([...declared('command'), ...made].toSorted(), 'src/floor/nouns.ts: floorCommands, or src/app.ts').toEqual(
    names(commands),
  )
  expect(declared('query').toSorted(), 'src/app.ts: queries').toEqual(names(queries))
  // A command of a noun that devices see is one of the floor; but staff are changed online, by whoever knows a password.
  const own = commands.filter(({ path }) =>
    nouns.some(({ kind, table }) => kind !== 'staff' && path.startsWith(`/${kind === 'settings' ? kind : table}`)),
  )
  expect(names(own), 'src/floor/nouns.ts: floorCommands').toEqual(names(floorCommands))
})

test('R1: no folder is a heap: at most 20 files, tests with them', () => {
  const counts = new Map<string, number>()
  for (const path of readdirSync('src', { recursive: true, encoding: 'utf8' }))
    if (path.endsWith('.ts')) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1)
  expect([...counts].filter(([, count]) => count > 20)).toEqual([])
})

test('R1: imports go one way', () => {
  const found = files.flatMap(({ path, imports }) =>
    imports.map((to) => ({ path, to, why: objection(path, to) })).filter(({ why }) => why !== null),
  )
  expect(found).toEqual([])
})

test('R1: the change log knows only types of sockets', () => {
  const found = files
    .filter(({ path }) => folder(path) === 'changes')
    .filter(({ text }) => /^import (?!type )[^;]*?from '[./]*sockets\//m.test(text))
  expect(found.map(({ path }) => path)).toEqual([])
})

test('R1: that check objects to each forbidden kind of import', () => {
  for (const [from, to] of [
    ['platform/database/db.ts', 'changes/log/log.ts'],
    ['sockets/session.ts', 'changes/log/log.ts'],
    ['changes/log/log.ts', 'guests/guests.ts'],
    ['tables/tables.ts', 'guests/guests.ts'],
    ['guests/seating.ts', 'tables/remove-table.ts'],
    ['guests/seating.ts', 'floor/clear-table.ts'],
    ['floor/clear-table.ts', 'ios/shapes.ts'],
    ['guests/seating.ts', 'app.ts'],
    ['native/door.ts', 'ios/route.ts'],
    ['ops/ops.ts', 'import/run.ts'],
    ['native/door.ts', 'api-documents/openapi.ts'],
    ['old-backend/statuses.ts', 'guests/guests.ts'],
    ['guests/seating.ts', 'old-backend/statuses.ts'],
  ] as const)
    expect(objection(from, to), `${from} > ${to}`).not.toBeNull()
})

test('R1: nouns and the change log know no transport', () => {
  const transports = ['fastify', '@fastify/static', 'redis', 'ws']
  const found = files
    .filter(({ path }) => LADDER.includes(folder(path)) || folder(path) === 'changes')
    .flatMap(({ path, imports }) =>
      imports
        .filter((name) => transports.includes(name) || (name === 'ws' && path !== 'sockets/session.ts'))
        .map((name) => `${path} ${name}`),
    )
  expect(found).toEqual([])
})

test('R1: rules are pure: they import rules and types only', () => {
  const found = files
    .filter(({ path }) => path.endsWith('/rules.ts'))
    .flatMap(({ path, imports }) =>
      imports.filter((to) => !to.endsWith('rules.ts') && to !== 'platform/clock.ts').map((to) => `${path} ${to}`),
    )
  expect(found).toEqual([])
})

test('R1: there are no cycles and no barrels', () => {
  const graph = new Map(files.map(({ path, imports }) => [path, imports.filter((to) => to.endsWith('.ts'))]))
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' > '))
    if (trail.includes(path) || done.has(path)) return
    for (const to of graph.get(path) ?? []) visit(to, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  expect(cycles).toEqual([])
  expect(files.filter(({ path }) => path.endsWith('index.ts')).map(({ path }) => path)).toEqual([])
  expect(files.filter(({ text }) => /^export \* from/m.test(text)).map(({ path }) => path)).toEqual([])
})

test('R2: only main.ts and config.ts know the environment', () => {
  const allowed = [...MAINS, 'config.ts']
  const found = files
    .filter(({ path, text }) => /process\.env|process\.exit\(/.test(withoutComments(text)) && !allowed.includes(path))
    .map(({ path }) => path)
  expect(found).toEqual([])
})

test('R2: only housekeeping works as the owner of the tables', () => {
  const house = 'changes/housekeeping'
  const allowed = [
    `${house}/lineage.ts`,
    `${house}/owner-step.ts`,
    `${house}/upgrade-logs.ts`,
    'platform/database/db.ts',
  ]
  const jobs = ['due', 'lineage', 'retention', 'upgrade-logs'].map((name) => `${house}/${name}.ts`)
  const turns = [...jobs, 'insights/keep-turns.ts']
  const found = files.filter(
    ({ path, text, imports }) =>
      (/\.asOwner\(|async asOwner/.test(text) && !allowed.includes(path)) ||
      (imports.includes('changes/housekeeping/owner-step.ts') && !turns.includes(path)),
  )
  expect(found.map(({ path }) => path)).toEqual([])
})

test("R2: the clock's file makes the times; these files only measure durations, make ids, expire tokens, log", () => {
  const measuring = [
    'changes/floor/live-floors.ts',
    'ios/sockets/ios-socket.ts',
    'native/stream/stream-device.ts',
    'platform/clock.ts',
    'platform/database/connection-queue.ts',
    'platform/database/db.ts',
    'platform/database/epoch-guard.ts',
    'platform/database/trip.ts',
    'platform/embedded/embedded.ts',
    'platform/embedded/postmaster.ts',
    'platform/ids.ts',
    'platform/observability/request-log.ts',
    'platform/redis.ts',
    'platform/tokens.ts',
    'serve.ts',
    'sockets/session.ts',
    'sockets/socket-door.ts',
    'staff/access/identify.ts',
  ]
  const found = files
    .filter(({ text }) => /Date\.now\b|new Date\(\)|performance\.now/.test(withoutComments(text)))
    .map(({ path }) => path)
  expect(found.filter((path) => !measuring.includes(path))).toEqual([])
})

test('R3: files have at most 300 lines', () => {
  const folders = ['src', 'client', 'web', 'test', 'bench', 'scripts', 'demo', 'conformance']
  const paths = folders.flatMap((of) =>
    readdirSync(of, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => join(of, path)),
  )
  expect(paths.length).toBeGreaterThan(files.length)
  const long = paths
    .map((path) => [path, readFileSync(path, 'utf8').split('\n').length - 1] as const)
    .filter(([, lines]) => lines > 300)
  expect(long).toEqual([])
})

test('R3: functions have at most 60 lines', () => {
  const found = files.flatMap(({ path, text }) => longFunctions(text).map((name) => `${path}: ${name}`))
  expect(found).toEqual([])
})

/** Functions and methods whose braces, by the formatter's indentation, are more than 60 lines apart. */
function longFunctions(text: string): string[] {
  const lines = text.split('\n')
  const head =
    /^(\s*)(?:export )?(?:async )?(?:function (\w+)|(?:static |readonly )?(?:async )?(#?\w+)\([^)]*\)?.*\{$|const (\w+) = (?:async )?\(.*=> \{$)/
  return lines.flatMap((line, start) => {
    const m = head.exec(line)
    if (!m || /^\s*(if|for|while|switch|return|test|expect)\b/.test(line)) return []
    const end = lines.findIndex(
      (each, i) => i > start && each.startsWith(`${m[1]}}`) && !each.startsWith(`${m[1]}} else`),
    )
    return end - start > 60 ? [m[2] ?? m[3] ?? m[4] ?? line] : []
  })
}

const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')

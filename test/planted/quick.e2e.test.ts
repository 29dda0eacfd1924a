import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject, test } from 'vitest'
import { repository } from '../process/server.ts'
import { bugs } from './bugs.ts'
import { changesBugs } from './quick-changes.ts'
import { clientBugs } from './quick-client.ts'
import { deviceBugs } from './quick-devices.ts'
import { doorBugs } from './quick-native.ts'
import { nounBugs } from './quick-nouns.ts'
import { staffBugs } from './quick-staff.ts'
import { edited, type QuickBug, type QuickFound } from './quick.ts'

/**
 * Bugs that a test of the suite finds within seconds. CI plants each tenth, the same ones each time, so that two runs of one commit say the same;
 * `PLANTED_SHARES=1`, which `npm run prove` sets, plants all.
 */

const all: readonly QuickBug[] = [...changesBugs, ...doorBugs, ...staffBugs, ...deviceBugs, ...nounBugs, ...clientBugs]
const shares = Number(process.env['PLANTED_SHARES'] ?? 10)
const chosen = all.filter((_, index) => index % shares === 0)
const AT_ONCE = 2
const PREFIX = 'planted '

/** Has a process of its own plant some of them, one after the other. */
async function plantAll(some: readonly QuickBug[]): Promise<QuickFound[]> {
  const program = ['--import', 'tsx', join(repository, 'test/planted/run-quick.ts')]
  const env = { ...process.env, TEST_DATABASE_URL: inject('postgresUrl'), NO_COLOR: '1' }
  const child = spawn(process.execPath, program, { cwd: repository, env, stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(some))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  expect(code, 'how the process that plants bugs ended').toBe(0)
  const lines = output.split('\n').filter((line) => line.startsWith(PREFIX))
  return lines.map((line) => JSON.parse(line.slice(PREFIX.length)) as QuickFound)
}

test(
  `each of ${chosen.length} planted bugs, of ${all.length}, is found by the tests that must notice it`,
  { timeout: 900_000 },
  async () => {
    const turns = Array.from({ length: AT_ONCE }, (_, turn) => chosen.filter((__, index) => index % AT_ONCE === turn))
    const found = (await Promise.all(turns.map(plantAll))).flat()
    for (const { name, said, seconds } of found)
      process.stdout.write(
        `${name.padEnd(72)} ${seconds.toFixed(1).padStart(5)} s  ${(said ?? 'NOTHING').slice(0, 130)}\n`,
      )
    const caught = found.filter(({ said }) => said !== null)
    process.stdout.write(`planted: ${chosen.length} of ${all.length} quick bugs, ${caught.length} found\n`)
    expect(found.filter(({ said }) => said === null)).toEqual([])
    expect(found).toHaveLength(chosen.length)
  },
)

test('every planted bug is of the code as it is: each text that it replaces is there exactly once', async () => {
  const whole = bugs.map(({ name, edits }) => ({
    name,
    edits: edits.map((edit) => ({ ...edit, file: `src/${edit.file}` })),
  }))
  const listed = [...all, ...whole]
  for (const { edits } of listed)
    for (const file of new Set(edits.map((edit) => edit.file))) {
      const text = await readFile(join(repository, file), 'utf8')
      const ofFile = edits.filter((edit) => edit.file === file)
      expect(edited(file, text, ofFile)).not.toBe(text)
    }
  const names = listed.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  expect(names.length).toBeGreaterThanOrEqual(40)
})

test('the tests that must notice a bug find nothing without one, and a bug that no test notices is told', async () => {
  const harmless = { name: 'none', edits: [], test: 'src/changes/floor/floor.test.ts', named: 'F1, D1' }
  const unnoticed = {
    ...harmless,
    name: 'unnoticed',
    edits: [{ file: 'src/changes/floor/floor.ts', from: '/** Entities on the floor. */', to: '/** So many. */' }],
  }
  const found = await plantAll([harmless, unnoticed, { ...harmless, name: 'no test', named: 'no such name' }])
  expect(found.map(({ said }) => said)).toEqual([null, null, null])
  expect(found.map(({ ran }) => ran)).toEqual([1, 1, 0])
})

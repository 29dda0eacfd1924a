import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { installTestTools, missingTools, tools } from './install-test-tools.ts'
import { within } from '../test/patience.ts'

const wanted = [{ program: 'marmot', debian: 'marmot-server', what: 'the proofs of marmots' }]
let folder: string
let said: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'qtable-tools-'))
  said = []
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** An apt-get of our own, first on the path: it remembers how it was called. `$last` is the package. */
async function aptGet(script: string): Promise<void> {
  const remember = `echo "$DEBIAN_FRONTEND $(test -x ${folder}/policy && echo quiet) $*" >>${folder}/calls`
  const text = `#!/bin/sh\n${remember}\nfor last; do :; done\n${script}\n`
  await writeFile(join(folder, 'apt-get'), text)
  await chmod(join(folder, 'apt-get'), 0o755)
}

const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')
const run = (more: { root?: boolean; limitMillis?: number } = {}) =>
  installTestTools({
    say: (line) => said.push(line),
    path: `${folder}:/usr/bin:/bin`,
    root: true,
    wanted,
    policy: join(folder, 'policy'),
    ...more,
  })
const BRINGS = '{ echo "#!/bin/sh" >"${0%/*}/marmot"; chmod +x "${0%/*}/marmot"; }'

test('what is missing is installed: asking nothing, starting no service, without an update that is not needed', async () => {
  await aptGet(BRINGS)
  expect(await run()).toEqual([])
  expect(calls()).toEqual([expect.stringMatching(/^noninteractive quiet .* install -y .*marmot-server$/)])
  expect(said).toEqual([
    'marmot is missing: it is needed for the proofs of marmots.',
    'Installing marmot-server with apt-get.',
    'marmot is installed.',
  ])
  expect(existsSync(join(folder, 'policy'))).toBe(false)
  said = []
  expect(await run()).toEqual([])
  expect([said, calls().length]).toEqual([[], 1])
})

test('a machine that knows no package is updated first', async () => {
  await aptGet(`case $last in update) touch ${folder}/known;; *) test -e ${folder}/known && ${BRINGS};; esac`)
  expect(await run()).toEqual([])
  expect(calls().map((call) => / (install|update)( |$)/.exec(call)?.[1])).toEqual(['install', 'update', 'install'])
})

test('an apt-get that fails, or that never ends, is told and is no fault', async () => {
  await aptGet('echo E: no network >&2; exit 100')
  expect(await run()).toEqual(wanted)
  expect(said.join('\n')).toMatch(/apt-get ended with 100:\nE: no network[^]*marmot is still missing/)
  await aptGet('exec sleep 60')
  const began = Date.now()
  expect(await run({ limitMillis: 300 })).toEqual(wanted)
  expect(Date.now() - began).toBeLessThan(within(10_000))
  expect(said.join('\n')).toContain('It took too long')
})

test('whoever is not root is told what to install', async () => {
  await aptGet('exit 1')
  expect(await run({ root: false })).toEqual(wanted)
  expect(said.at(-1)).toContain('sudo apt-get install marmot-server')
  expect(existsSync(join(folder, 'calls'))).toBe(false)
})

test('a rule of the machine about its services stays', async () => {
  await aptGet(BRINGS)
  await writeFile(join(folder, 'policy'), 'its own')
  await run()
  expect(readFileSync(join(folder, 'policy'), 'utf8')).toBe('its own')
})

test('every tool has a name of its own and is missed where there is nothing', () => {
  expect(missingTools(tools, folder)).toEqual(tools)
  expect(new Set(tools.map(({ program }) => program)).size).toBe(tools.length)
})

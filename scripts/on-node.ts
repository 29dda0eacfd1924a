import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, realpath } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { register } from '../test/kit.ts'
import { cleanUpAll, folder, repository, startServer } from '../test/process/server.ts'

/**
 * Shows that QTable runs on the newest Node of a major version: `npm ci` warns of no engine, a server serves, and the fast tests pass. Restaurants have machines
 * with Node 20.19. CI runs this for 22 and 24 as well: `npx tsx scripts/on-node.ts 24`.
 */

const run = promisify(execFile)

/** The program of npm: the one that started this run, or the one on the path. */
async function npm(): Promise<string> {
  const known = process.env['npm_execpath']
  if (known?.endsWith('.js')) return known
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return realpath(folders.map((each) => join(each, 'npm')).find(existsSync)!)
}

/** The newest Node of a major version, from npm. It is kept until the next `npm ci`. */
async function nodeOf(version: string): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`
  const kept = join(repository, 'node_modules/.cache', `node-${version}`)
  const program = join(kept, 'node_modules', name, 'bin/node')
  if (existsSync(program)) return program
  await mkdir(kept, { recursive: true })
  const options = ['--no-save', '--no-audit', '--no-fund', '--no-package-lock', '--prefix', kept]
  await run(process.execPath, [await npm(), 'install', ...options, `${name}@${version}`], { cwd: kept })
  return program
}

async function warnsOfNoEngine(node: string): Promise<void> {
  const args = ['ci', '--dry-run', '--ignore-scripts', '--no-audit', '--no-fund']
  const { stderr } = await run(node, [await npm(), ...args], { cwd: repository })
  if (stderr.includes('EBADENGINE')) throw new Error(stderr)
}

async function serves(node: string): Promise<void> {
  const server = await startServer({ QTABLE_DATA: join(await folder(), 'data') }, repository, node)
  const restaurant = await register(server.base)
  await restaurant.walkIn('Ada')
  const { body } = await restaurant.call('GET', '/guests')
  const { code } = await server.end('SIGTERM')
  if (body[0]?.firstName !== 'Ada' || code !== 0) throw new Error(`exit ${code}, guests ${JSON.stringify(body)}`)
}

/** The tests of the code without a database. The tests of documents and of the house's own rules depend on no version. */
async function passesFastTests(node: string): Promise<void> {
  const args = ['run', 'src/', 'client/', '--project=unit', '--silent', '--reporter=dot']
  const tests = spawn(node, ['node_modules/vitest/vitest.mjs', ...args], { cwd: repository, stdio: 'inherit' })
  const [code] = (await once(tests, 'close')) as [number | null]
  if (code !== 0) throw new Error('the fast tests failed')
}

const version = process.argv[2]
if (version === undefined || !/^\d+$/.test(version)) throw new Error('Say a major version: on-node.ts 24')
try {
  const node = await nodeOf(version)
  const { stdout } = await run(node, ['--version'])
  if (!stdout.startsWith(`v${version}.`)) throw new Error(`${node} is ${stdout}`)
  await warnsOfNoEngine(node)
  await serves(node)
  await passesFastTests(node)
} finally {
  await cleanUpAll()
}

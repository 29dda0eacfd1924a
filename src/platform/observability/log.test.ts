import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text as textOf } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { createLog, pathOf } from './log.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const asModule = ['--import', 'tsx', '--input-type=module', '--eval']

test('P11: secrets, phone numbers and addresses are not written, wherever they stand', () => {
  const lines: string[] = []
  const log = createLog('info', { write: (line) => void lines.push(line) })
  log.info({
    password: 'hunter2',
    body: { phone: '+1 555 0100', email: 'ada@example.com', first_name: 'Ada' },
    request: { headers: { authorization: 'Bearer abc.def.ghi', cookie: 'id=1' } },
    token: 'abc.def.ghi',
  })
  expect(lines.join('')).not.toMatch(/hunter2|555|ada@|abc\.def|id=1/)
  expect(lines.join('')).toContain('Ada')
})

test('P11: of an error its words, code and causes are written, and neither the rows that PostgreSQL quotes nor the connection that pg hangs on it', () => {
  const lines: string[] = []
  const log = createLog('info', { write: (line) => void lines.push(line) })
  const cause = Object.assign(new Error('the cause'), { code: 'ECONNRESET', client: { secretKey: 41 } })
  const error = Object.assign(new TypeError('duplicate key', { cause }), {
    code: '23505',
    constraint: 'staff_email_key',
    detail: 'Key (email)=(ada@example.com) already exists.',
    where: 'phone 555',
    client: { secretKey: 41, text: 'select 1' },
  })
  log.error({ err: error }, 'a request failed')
  log.error(error)
  log.error({ err: 'no error at all' }, 'odd')
  const [first, second, odd] = lines.map((line) => JSON.parse(line) as { err: Record<string, unknown>; msg: string })
  expect(first!.err).toEqual({
    type: 'TypeError',
    message: 'duplicate key',
    stack: error.stack,
    code: '23505',
    constraint: 'staff_email_key',
    cause: { type: 'Error', message: 'the cause', stack: cause.stack, code: 'ECONNRESET' },
  })
  expect([second!.err, second!.msg]).toEqual([first!.err, 'duplicate key'])
  expect(odd!.err).toBe('no error at all')
  expect(lines.join('')).not.toMatch(/ada@|555|secretKey|select 1/)
})

test('P11: the query of an address, where a token may stand, is not written', () => {
  expect(pathOf('/realtime?restaurant_id=1&token=abc')).toBe('/realtime')
})

test('M4: on standard output all lines are whole and in order, long ones and other scripts too, also those just before the end', async () => {
  const lines = 20_000
  const script = `
    import { createLog } from './src/platform/observability/log.ts'
    const log = createLog('info')
    for (let n = 0; n < ${lines}; n++) log.info({ n, text: n % 1_000 === 0 ? 'é'.repeat(40_000) : '茶é'.repeat(n % 40) }, 'line')
    process.exit(0)`
  const { stdout } = await promisify(execFile)(process.execPath, [...asModule, script], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  })
  const heard = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { n: number; text: string })
  expect(heard.map(({ n }) => n)).toEqual(Array.from({ length: lines }, (_, n) => n))
  for (const { n, text } of heard) expect(text).toBe(n % 1_000 === 0 ? 'é'.repeat(40_000) : '茶é'.repeat(n % 40))
})

test('M4: where nobody reads, so much of the log is kept and no more; what was dropped is counted', async () => {
  const [lines, bytes] = [40_000, 1_000]
  const script = `
    import { createLog } from './src/platform/observability/log.ts'
    const log = createLog('info')
    for (let n = 0; n < ${lines}; n++) {
      log.info({ n, text: 'x'.repeat(${bytes}) }, 'line')
      if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    process.stderr.write('written')
    process.stdin.once('end', () => process.exit(0)).resume()`
  const child = spawn(process.execPath, [...asModule, script], { cwd: root, stdio: 'pipe' })
  await once(child.stderr, 'data')
  const heard = textOf(child.stdout.on('data', (part: Buffer) => part.includes('"dropped"') && child.stdin.end()))
  const all = (await heard).trimEnd().split('\n')
  const told = all
    .map((line) => JSON.parse(line) as { n?: number; dropped?: number; level: number })
    .reduce(
      ({ last, kept, dropped }, line) => {
        if (line.dropped !== undefined) return { last, kept, dropped: dropped + line.dropped }
        expect(line.n).toBeGreaterThan(last)
        return { last: line.n!, kept: kept + 1, dropped }
      },
      { last: -1, kept: 0, dropped: 0 },
    )
  expect(told.kept + told.dropped).toBe(lines)
  expect(told.dropped).toBeGreaterThan(0)
  // What the pipe itself holds comes on top.
  expect(told.kept * bytes).toBeGreaterThan(limits.logBacklogBytes * 0.8)
  expect(told.kept * bytes).toBeLessThan(limits.logBacklogBytes + 2 * 1024 * 1024)
})

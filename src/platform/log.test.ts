import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createLog, pathOf } from './log.ts'

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

test('P11: the query of an address, where a token may stand, is not written', () => {
  expect(pathOf('/realtime?restaurant_id=1&token=abc')).toBe('/realtime')
})

test('M4: on standard output all lines are whole and in order, long ones and other scripts too, also those just before the end', async () => {
  const lines = 20_000
  const script = `
    import { createLog } from './src/platform/log.ts'
    const log = createLog('info')
    for (let n = 0; n < ${lines}; n++) log.info({ n, text: n % 1_000 === 0 ? 'é'.repeat(40_000) : '茶é'.repeat(n % 40) }, 'line')
    process.exit(0)`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    { cwd: fileURLToPath(new URL('../../', import.meta.url)), maxBuffer: 64 * 1024 * 1024 },
  )
  const heard = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { n: number; text: string })
  expect(heard.map(({ n }) => n)).toEqual(Array.from({ length: lines }, (_, n) => n))
  for (const { n, text } of heard) expect(text).toBe(n % 1_000 === 0 ? 'é'.repeat(40_000) : '茶é'.repeat(n % 40))
})

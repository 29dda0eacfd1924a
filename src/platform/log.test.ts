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

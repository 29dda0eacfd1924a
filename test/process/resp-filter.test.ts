import { expect, test } from 'vitest'
import { randomFrom } from '../random.ts'
import { RespFilter } from './resp-filter.ts'

const bulk = (text: string) => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
const list = (sign: string, ...texts: string[]) => `${sign}${texts.length}\r\n${texts.map(bulk).join('')}`

const others2 = [
  '+OK\r\n',
  '-ERR no such thing\r\n',
  ':42\r\n',
  '$-1\r\n',
  '*-1\r\n',
  '*0\r\n',
  bulk(''),
  bulk('*3\r\n$7\r\nmessage\r\n'),
  `*2\r\n*0\r\n*2\r\n:1\r\n${bulk('message')}`,
  list('*', 'mess', 'x', 'y'),
  list('*', 'message-board', 'x', 'y'),
]
const others3 = [
  '>0\r\n',
  '_\r\n',
  '#t\r\n',
  ',3.5\r\n',
  `%2\r\n${bulk('a')}:1\r\n${bulk('b')}*1\r\n:2\r\n`,
  `|1\r\n${bulk('ttl')}:3\r\n${list('*', 'message', 'a', 'b')}`,
  list('>', 'invalidate', 'key'),
  list('>', 'message-board', 'key'),
  list('>', 'x'.repeat(300), 'key'),
  list('>', 'subscribe', 'floor', '1'),
  list('*', 'message', 'is', 'an answer here'),
]
const messages3 = [list('>', 'message', 'floor', 'Ångström\r\n*1\r\n'), list('>', 'smessage', 'floor', 'x'.repeat(500))]
const messages2 = [list('*', 'message', 'floor', ''), list('*', 'pmessage', 'f*', 'floor', '$7\r\nmessage')]
const subscribed = `*3\r\n${bulk('subscribe')}${bulk('floor')}:1\r\n`

/** The frames through a filter, in pieces of random length. */
function through(frames: readonly string[], drops: () => boolean, random: () => number, most: number) {
  const counts = { passed: 0, dropped: 0 }
  const filter = new RespFilter(drops, (dropped) => void counts[dropped ? 'dropped' : 'passed']++)
  const bytes = Buffer.from(frames.join(''))
  let text = ''
  for (let at = 0, end = 0; at < bytes.length; at = end) {
    end = at + 1 + Math.floor(random() * most)
    text += filter.take(bytes.subarray(at, end)).toString('latin1')
  }
  return { text: Buffer.from(text, 'latin1').toString(), ...counts }
}

test('messages are left out as told and all else passes byte for byte, in pieces of any length', () => {
  const seed = Date.now() % 1_000_000
  const random = randomFrom(seed)
  for (const [first, others, messages] of [
    ['+PONG\r\n', [...others2, ...others3], messages3],
    [subscribed, others2, messages2],
  ] as const)
    for (let run = 0; run < 300; run++) {
      const all = [...others, ...messages]
      const frames = Array.from({ length: 40 }, () => all[Math.floor(random() * all.length)]!)
      const kept: boolean[] = []
      const drops = () => {
        kept.push(random() < 0.5)
        return !kept.at(-1)
      }
      const most = [1, 3, 40, 5_000][run % 4]!
      const found = through([first, ...frames], drops, random, most)
      const decisions = [...kept]
      const expected = frames.filter((frame) => !messages.includes(frame) || decisions.shift())
      expect(found.text, `seed ${seed}, run ${run}`).toBe([first, ...expected].join(''))
      expect(found.passed + found.dropped).toBe(frames.filter((frame) => messages.includes(frame)).length)
      expect(found.passed).toBe(kept.filter(Boolean).length)
    }
})

test('what is not Redis is refused, not kept', () => {
  const filter = new RespFilter(
    () => false,
    () => undefined,
  )
  expect(() => filter.take(Buffer.alloc(100_000, 'x'))).toThrow('not the protocol')
})

import { afterEach, expect, test, vi } from 'vitest'
import { createLog } from '../../platform/observability/log.ts'
import { startHousekeeping } from './housekeeping.ts'

afterEach(() => void vi.useRealTimers())

const lines: string[] = []
const log = createLog('error', { write: (line) => void lines.push(line) })

test('L17: each job runs at once and again, never overlapping itself; one that fails goes on', async () => {
  let running = 0
  let most = 0
  const ran = { steady: 0, failing: 0 }
  let enough = () => undefined as void
  const done = new Promise<void>((resolve) => (enough = () => resolve()))
  const job = (name: 'steady' | 'failing') => ({
    name,
    every: 1,
    async run() {
      if (name === 'steady') most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      if (name === 'steady') running--
      ran[name]++
      if (ran.steady > 4 && ran.failing > 4) enough()
      if (name === 'failing') throw new Error('planted')
    },
  })
  const housekeeping = startHousekeeping([job('steady'), job('failing')], log)
  await done
  await housekeeping.close()
  const after = { ...ran }
  expect(most).toBe(1)
  expect(lines.length).toBeGreaterThan(3)
  expect(JSON.parse(lines[0]!)).toMatchObject({ job: 'failing', err: { message: 'planted' } })
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(ran).toEqual(after)
})

test('L17: a stop tells the job under way and waits for it', async () => {
  const heard: string[] = []
  const housekeeping = startHousekeeping(
    [
      {
        name: 'slow',
        every: 1,
        run: (signal) =>
          new Promise<void>((resolve) => {
            signal.addEventListener('abort', () => {
              heard.push('told')
              setImmediate(() => {
                heard.push('ended')
                resolve()
              })
            })
          }),
      },
    ],
    log,
  )
  await housekeeping.close()
  expect(heard).toEqual(['told', 'ended'])
})

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('L17: from the end of a run to the next it is as long as the job says, more or less, and not the same for all', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const random = vi.spyOn(Math, 'random')
  let runs = 0
  const job = { name: 'steady', every: 1_000, run: async () => void runs++ }
  try {
    for (const [chance, wait] of [
      [0, 900],
      [0.5, 1_000],
      [0.999_999, 1_099],
    ] as const) {
      random.mockReturnValue(chance)
      runs = 0
      const housekeeping = startHousekeeping([job], log)
      await turn()
      for (let n = 1; n <= 2; n++) {
        vi.advanceTimersByTime(wait - 1)
        expect(runs).toBe(n)
        vi.advanceTimersByTime(2)
        expect(runs).toBe(n + 1)
        await turn()
      }
      await housekeeping.close()
      expect(vi.getTimerCount()).toBe(0)
    }
  } finally {
    random.mockRestore()
  }
})

test('L17: a run that ends after the stop was told has no turn after it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  let end: () => void = () => undefined
  const housekeeping = startHousekeeping(
    [{ name: 'slow', every: 1, run: () => new Promise<void>((resolve) => (end = resolve)) }],
    log,
  )
  const closed = housekeeping.close()
  end()
  await closed
  expect(vi.getTimerCount()).toBe(0)
})

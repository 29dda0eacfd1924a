import { expect, test } from 'vitest'
import { plusMillis, type Instant } from '../../platform/clock.ts'
import { limits } from '../../platform/limits.ts'
import { CatchUp } from './catch-up.ts'
import type { Floor } from '../../changes/floor/floor.ts'
import type { ResyncReason, Since } from '../../changes/log/since.ts'

/** What devices that come back together are sent: read and written once for all of them. */

const HEAD = 2_345
const textOf = (seq: number, characters = 10) => `{"seq":${seq},"x":"${'x'.repeat(characters)}"}`

/** A log of `HEAD` changes, and how often it was read. */
function logOf(characters = 10) {
  const log = {
    reads: [] as [number, number][],
    failing: 0,
    found: null as Since | null,
    read: async (since: number, limit: number): Promise<Since> => {
      log.reads.push([since, limit])
      if (log.failing-- > 0) throw new Error('planted')
      if (log.found) return log.found
      const count = Math.max(0, Math.min(limit, HEAD - since))
      const changes = Array.from({ length: count }, (_, n) => {
        const seq = since + 1 + n
        return { seq, at: '2026-11-28T18:00:00.000000Z' as never, frame: textOf(seq, characters) }
      })
      return { kind: 'changes', epoch: 'e', head: HEAD, floor: 0, changes }
    },
  }
  return log
}

/** Brings a device up from the log; gives the frames that it was sent, and checks that nothing is missing in them. */
async function bringUp(catchUp: CatchUp, since: number): Promise<object[]> {
  const frames: object[] = []
  for (let at = since; at < HEAD;) {
    if (frames.length > HEAD) throw new Error('it comes to no end')
    const page = await catchUp.page(at)
    if (page.kind === 'resync') throw new Error(page.reason)
    for (const { last, frame } of page.steps) {
      const text = frame.bytes.subarray(frame.bytes.indexOf('{"type"')).toString('utf8')
      const { type, changes } = JSON.parse(text) as { type: string; changes: { seq: number }[] }
      expect(type).toBe('changes')
      expect(changes.map(({ seq }) => seq)).toEqual(Array.from({ length: last - at }, (_, n) => at + 1 + n))
      at = last
      frames.push(frame)
    }
  }
  return frames
}

test('F7: a hundred devices at the same place cost the log as many reads as one, and each frame is written once', async () => {
  const log = logOf()
  const catchUp = new CatchUp(log.read)
  const all = await Promise.all(Array.from({ length: 100 }, () => bringUp(catchUp, 100)))
  const pages = Math.ceil(HEAD / limits.changesPerRead)
  expect(log.reads.length).toBeLessThanOrEqual(pages + 1)
  expect(new Set(all.flat()).size).toBe(all[0]!.length)
})

test('F7: devices at other places share all pages but their first', async () => {
  const log = logOf()
  const catchUp = new CatchUp(log.read)
  await Promise.all(Array.from({ length: 100 }, (_, n) => bringUp(catchUp, n)))
  expect(log.reads.filter(([since]) => since % limits.changesPerRead !== 0)).toHaveLength(99)
  const whole = log.reads.filter(([since]) => since % limits.changesPerRead === 0)
  expect(whole).toHaveLength(Math.ceil(HEAD / limits.changesPerRead))
})

test('F7: frames are of the size that the limit says, and a change that is longer has its own', async () => {
  const log = logOf(limits.frameCharacters / 3)
  expect((await bringUp(new CatchUp(log.read), HEAD - 7)).length).toBe(4)
  const long = logOf(limits.frameCharacters + 1)
  expect((await bringUp(new CatchUp(long.read), HEAD - 3)).length).toBe(3)
})

test('F7: what failed, what was no whole page and what the log refuses is asked for anew; no more pages are kept than the limit says', async () => {
  const log = logOf()
  const catchUp = new CatchUp(log.read)
  log.failing = 1
  const both = await Promise.allSettled([catchUp.page(0), catchUp.page(0)])
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(log.reads).toHaveLength(1)
  await catchUp.page(0)
  await catchUp.page(0)
  expect(log.reads).toHaveLength(2)
  await catchUp.page(HEAD - 1)
  await catchUp.page(HEAD - 1)
  expect(log.reads).toHaveLength(4)
  log.found = { kind: 'resync', reason: 'floor', epoch: 'e', head: HEAD, floor: 700 }
  for (let n = 0; n < 2; n++) expect(await catchUp.page(600)).toMatchObject({ kind: 'resync', reason: 'floor' })
  expect(log.reads).toHaveLength(6)
  log.found = null
  for (let n = 0; n <= limits.sharedPages; n++) await catchUp.page(n + 1)
  const reads = log.reads.length
  await catchUp.page(0)
  expect(log.reads).toHaveLength(reads + 1)
  catchUp.clear()
  await catchUp.page(limits.sharedPages)
  expect(log.reads).toHaveLength(reads + 2)
})

test('F7: a snapshot and the changes in memory are written once for each state of the floor', () => {
  const catchUp = new CatchUp(logOf().read)
  const floor = { text: '"seq":1' } as Floor
  const first = catchUp.snapshot(floor)
  expect(catchUp.snapshot(floor)).toBe(first)
  expect(catchUp.snapshot({ text: '"seq":2' } as Floor)).not.toBe(first)
  const changes = [1, 2, 3].map((seq) => ({ seq, text: textOf(seq) }))
  const steps = catchUp.recent(changes)
  expect(catchUp.recent([...changes])).toBe(steps)
  expect(catchUp.recent(changes.slice(1))).not.toBe(steps)
  for (const last of [3, 2, 3]) expect(catchUp.recent(changes.slice(0, last)).at(-1)!.last).toBe(last)
})

test('F7: why a place is refused is asked once for all who stand there; one that was found good is not asked about again', async () => {
  const catchUp = new CatchUp(logOf().read)
  const asked: string[] = []
  let reason: ResyncReason | null = null
  const ask = (epoch: string, since: number, at?: Instant) =>
    catchUp.reasonAgainst({ epoch, since, at }, async () => {
      asked.push(`${epoch} ${since} ${at ?? '-'}`)
      return reason
    })
  const time = '2026-11-28T18:00:00.000000Z' as Instant
  expect(await Promise.all([ask('e', 1), ask('e', 1), ask('e', 1, time), ask('f', 1), ask('e', 2)])).toEqual(
    Array.from({ length: 5 }, () => null),
  )
  await ask('e', 1, time)
  const later = plusMillis(time, 1)
  await ask('e', 1, later)
  expect(asked).toEqual(['e 1 -', `e 1 ${time}`, 'f 1 -', 'e 2 -', `e 1 ${later}`])
  reason = 'floor'
  expect([await ask('g', 1), await ask('g', 1), await ask('e', 1)]).toEqual(['floor', 'floor', null])
  expect(asked.slice(5)).toEqual(['g 1 -', 'g 1 -'])
  catchUp.clear()
  expect([await ask('e', 1), asked.length]).toEqual(['floor', 8])
})

test('F7: what is asked for anew meanwhile stays when the older answer fails', async () => {
  const log = logOf()
  const catchUp = new CatchUp(log.read)
  log.failing = 1
  const failed = catchUp.page(0)
  catchUp.clear()
  const next = catchUp.page(0)
  await expect(failed).rejects.toThrow('planted')
  await next
  expect(catchUp.page(0)).toBe(next)
  expect(log.reads).toHaveLength(2)
})

test('F7: pages end where they end for all, and are kept as many as the limit says', async () => {
  const log = logOf()
  const catchUp = new CatchUp(log.read)
  const at = (n: number) => n * limits.changesPerRead
  for (const since of [0, 1, at(1) - 1, at(1)]) await catchUp.page(since)
  expect(log.reads).toEqual([
    [0, at(1)],
    [1, at(1) - 1],
    [at(1) - 1, 1],
    [at(1), at(1)],
  ])
  const page = await catchUp.page(at(1) - 1)
  expect(page).toMatchObject({ kind: 'steps', steps: [{ last: at(1) }] })
  expect(log.reads).toHaveLength(4)
  const known = Array.from({ length: limits.sharedPages }, (_, n) => 10 + n)
  for (const since of known) await catchUp.page(since)
  const reads = log.reads.length
  for (const since of known) await catchUp.page(since)
  expect(log.reads).toHaveLength(reads)
})

test('F7: frames are filled to the limit and no further', async () => {
  const empty = textOf(HEAD, 0).length
  const read = async (each: number, count: number) => {
    const page = await new CatchUp(logOf(each - empty).read).page(HEAD - count)
    return page.kind === 'steps' ? page.steps.map(({ last }) => HEAD - last) : page.reason
  }
  expect(await read(limits.frameCharacters / 2, 4)).toEqual([2, 0])
  expect(await read(limits.frameCharacters / 2 + 1, 3)).toEqual([2, 1, 0])
  expect(await read(limits.frameCharacters, 2)).toEqual([1, 0])
  // Nothing is no frame.
  expect(await read(10 + empty, 0)).toEqual([])
})

test('F7: when nobody is being brought up any more nothing is kept for them', () => {
  const catchUp = new CatchUp(logOf().read)
  const floor = { text: '"seq":1' } as Floor
  const changes = [5, 6].map((seq) => ({ seq, text: textOf(seq) }))
  const [snapshot, steps] = [catchUp.snapshot(floor), catchUp.recent(changes)]
  expect(snapshot.bytes.subarray(2).toString()).toBe('{"type":"snapshot","seq":1}')
  catchUp.clear()
  expect(catchUp.snapshot(floor)).not.toBe(snapshot)
  expect(catchUp.recent(changes)).not.toBe(steps)
  expect(catchUp.recent(changes)).toEqual(steps)
})

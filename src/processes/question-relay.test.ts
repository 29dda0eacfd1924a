import { expect, test } from 'vitest'
import type { Figures } from '../platform/observability/meter.ts'
import { metrics } from '../platform/observability/metrics.ts'
import { FIGURES, SiblingQuestions, type Follow, type QuestionWord } from './ask-processes.ts'
import { QuestionRelay, type Peer } from './question-relay.ts'

/** A process of a test: the line between its questions and the relay, and how many words went over it. */
interface Process {
  readonly peer: Peer
  readonly questions: SiblingQuestions
  isThere: boolean
}

const EVERY_MILLIS = 5

/** Several processes, and the words that they and the relay said: how many of a kind. */
function several(count: number) {
  const words = new Map<string, number>()
  const processes: Process[] = []
  const relay = new QuestionRelay(() => processes.map(({ peer }) => peer), EVERY_MILLIS)
  const note = ({ say }: QuestionWord) => words.set(say, (words.get(say) ?? 0) + 1)
  for (let n = 1; n <= count; n++) {
    const hearers: ((word: unknown) => void)[] = []
    const made: Process = {
      isThere: true,
      peer: {
        isConnected: () => made.isThere,
        send: (word) => {
          note(word)
          for (const hear of hearers) hear(word)
        },
      },
      questions: new SiblingQuestions({
        send: (word) => {
          note(word as QuestionWord)
          relay.take(made.peer, word as QuestionWord)
        },
        onMessage: (hear) => void hearers.push(hear),
      }),
    }
    made.questions.answer(FIGURES, async () => changes(n))
    processes.push(made)
  }
  return { processes, relay, words }
}

const changes = (value: number): Figures => ({ [metrics.changes.name]: [{ labels: ['add-guest'], value }] })

/** What each process hears, and a way to wait until all that are there have heard so much. */
function follow(processes: readonly Process[]) {
  const heard = processes.map(() => [] as { answers: readonly unknown[]; at: number }[])
  for (const [n, { questions }] of processes.entries()) {
    const hear: Follow = (answers, at) => void heard[n]!.push({ answers, at })
    questions.follow(FIGURES, hear)
  }
  const haveAll = (length: number) => processes.every(({ isThere }, n) => !isThere || heard[n]!.length >= length)
  const all = async (length: number) => {
    await expect.poll(() => haveAll(length), { interval: 1 }).toBe(true)
  }
  return { heard, all }
}

test('O2: figures that all processes follow are asked for once and told as one: what that costs grows with the number of processes, not with its square', async () => {
  const COUNT = 12
  const { processes, words } = several(COUNT)
  const { heard, all } = follow(processes)
  await all(5)
  for (const { questions } of processes) questions.unfollow(FIGURES)
  const rounds = words.get('followed')! / COUNT
  expect(rounds).toBeGreaterThanOrEqual(5)
  // One round may have been asked and not yet told.
  for (const say of ['ask', 'answer']) expect(words.get(say)! / COUNT - rounds).toBeLessThanOrEqual(1)
  expect(words.get('answers')).toBeUndefined()
  const [first, ...others] = heard.map((each) => each.slice(0, 5))
  expect(first!.map(({ answers }) => answers)).toEqual(Array.from({ length: 5 }, () => [changes(78)]))
  for (const other of others) expect(other).toEqual(first)
})

test('O2: what a process counted that is gone stays in the sum, also when nobody asked but those who follow', async () => {
  const { processes, relay } = several(3)
  const { heard, all } = follow(processes)
  await all(1)
  processes[2]!.isThere = false
  relay.forget(processes[2]!.peer)
  const before = heard[0]!.length
  await all(before + 2)
  expect(heard[0]!.at(-1)!.answers).toEqual([changes(6)])
  expect(await processes[0]!.questions.ask(FIGURES)).toEqual([changes(1), changes(2), changes(3)])
  const { length } = heard[2]!
  await all(before + 4)
  expect(heard[2]).toHaveLength(length)
  for (const { questions } of processes) questions.unfollow(FIGURES)
})

test('M3: a process that goes after it has answered, and before others have, is counted once', async () => {
  const { processes, relay } = several(3)
  let release = () => undefined as void
  const held = new Promise<void>((resolve) => (release = resolve))
  processes[0]!.questions.answer(FIGURES, async () => {
    await held
    return changes(1)
  })
  const answered = processes[1]!.questions.ask(FIGURES)
  // Both that wait for nothing have answered when the event loop has turned.
  await new Promise((resolve) => setImmediate(resolve))
  processes[2]!.isThere = false
  relay.forget(processes[2]!.peer)
  release()
  expect((await answered).toSorted(byValue)).toEqual([changes(1), changes(2), changes(3)])
})

const byValue = (a: unknown, b: unknown): number => valueOf(a) - valueOf(b)
const valueOf = (figures: unknown): number => (figures as Figures)[metrics.changes.name]?.[0]?.value ?? 0

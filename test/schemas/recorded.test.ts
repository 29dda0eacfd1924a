import { expect, test } from 'vitest'
import { laterPlaces } from '../contract/later-facts.ts'
import { checkAnswer, checkMessage, scenes, type Step } from './checked-in.ts'

/** What was recorded of the old server fits the schemas that are checked in, after the placeholders have got values of their form. */

const SECOND = '2026-11-23T18:00:00'

/** What stands for a placeholder of the scenes, by its name: an id, a time that the server told, a text of the scene's own. */
function valueOf(name: string): string {
  if (name === 'run') return 'r0123456789'
  if (name === 'base') return 'http://localhost:8000'
  if (name === 'ago25') return SECOND
  if (/^ts\d+$/.test(name)) return `${SECOND}.123456`
  if (/^s\d+$/.test(name)) return `${SECOND}.123456Z`
  if (!/^([gtrb]\d+|[A-Z](_user)?)$/.test(name)) throw new Error(`what is {${name}}?`)
  const hex = Buffer.from(name).toString('hex').padStart(12, '0').slice(-12)
  return `0193a5c0-0000-7000-8000-${hex}`
}

/** A recorded shape as an example of it. `fraction`: whether times have one; without it they are as the server writes a whole second. */
function example(shape: unknown, fraction: boolean): unknown {
  if (Array.isArray(shape)) return shape.map((each: unknown) => example(each, fraction))
  if (typeof shape === 'object' && shape !== null)
    return Object.fromEntries(Object.entries(shape).map(([key, each]) => [key, example(each, fraction)]))
  if (typeof shape !== 'string') return shape
  const now = /^<now:YYYY-MM-DDTHH:MM:SS\.ffffff(.*)>$/.exec(shape)
  if (now) return `${SECOND}${fraction ? '.123456' : ''}${now[1]}`
  if (shape === '<jwt>') return 'eyJh.eyJz.c2ln'
  if (shape === '<uuid>') return valueOf('A')
  if (/<\w+/.test(shape)) throw new Error(`what is ${shape}?`)
  return shape.replace(/\{(\w+)\}/g, (_, name: string) => valueOf(name))
}

/** The scenes compare no more of an error item than these three; every item has its input as well. */
function withInputs(body: unknown): unknown {
  const { detail } = body as { detail?: unknown }
  return Array.isArray(detail) ? { detail: detail.map((item: object) => ({ input: null, ...item })) } : body
}

/** The places of a step where what was recorded isn't what is wanted, below `$` or below a message. */
const looseIn = ({ loose = [] }: Step, root: string): RegExp[] => [
  ...laterPlaces,
  ...loose
    .filter(({ path, how }) => path.startsWith(root) && how !== 'subset')
    .map(({ path }) => {
      const place = `$${path.slice(root.length)}`.split('[*]').map((text) => text.replace(/[.$[\]]/g, '\\$&'))
      return new RegExp(`^${place.join('\\[\\d+\\]')}(?![\\w])`)
    }),
]

const isAnswer = ({ request, expect }: Step) => expect !== undefined && !['SEND', 'UPGRADE'].includes(request.method)
const steps = scenes.flatMap((scene) => scene.steps.map((step) => ({ scene: scene.name, step })))

for (const fraction of [true, false]) {
  test(`C12: every recorded answer fits its schema, times ${fraction ? 'with' : 'without'} a fraction`, () => {
    const wrong: string[] = []
    const without: string[] = []
    let count = 0
    for (const { scene, step } of steps.filter(({ step }) => isAnswer(step))) {
      const { status, shape } = step.expect!
      const text = shape === '<any>' || shape === '<text>' || shape === '' || shape === undefined
      const body = text ? '' : withInputs(example(shape, fraction))
      const { method, path } = step.request
      const { file, problems } = text
        ? { file: null, problems: [] }
        : checkAnswer(method, path, status, body, looseIn(step, '$'))
      if (file === null) without.push(`${method} ${path.replace(/\{\w+\}/, '…')} ${status}`)
      else count++
      wrong.push(...problems.map((problem) => `${scene} / ${step.name} (${file}): ${problem}`))
    }
    expect(wrong).toEqual([])
    expect(without).toEqual([
      'GET /docs 200',
      'GET /openapi.json 200',
      'GET /restaurants/…/guests/ 307',
      'GET /restaurants/…/tables/ 307',
    ])
    expect(count).toBeGreaterThan(300)
  })
}

test('C10, C12: every recorded message fits its schema', () => {
  const wrong: string[] = []
  let count = 0
  for (const { scene, step } of steps) {
    for (const socket of ['realtime', 'sync'] as const) {
      for (const [i, message] of (step[socket] ?? []).entries()) {
        count++
        const { file, problems } = checkMessage(socket, example(message, true), looseIn(step, `${socket}[${i}]`))
        wrong.push(...problems.map((problem) => `${scene} / ${step.name} (${file}): ${problem}`))
      }
    }
  }
  expect(wrong).toEqual([])
  expect(count).toBeGreaterThan(150)
})

test('C12: that check sees a wrong form of a time, a key too many, a key too few and a word that is none', () => {
  const step = steps.find(
    ({ step }) =>
      step.request.method === 'POST' && step.request.path === '/restaurants/{A}/guests' && step.expect?.status === 200,
  )!.step
  const guest = example(step.expect!.shape, true) as Record<string, unknown>
  const check = (change: object) =>
    checkAnswer('POST', '/restaurants/x/guests', 200, { ...guest, ...change }, laterPlaces).problems
  expect(check({})).toEqual([])
  expect(check({ createdAt: `${SECOND}.123Z` }).join()).toMatch(/^\$\.createdAt: must match pattern/)
  expect(check({ createdAt: `${SECOND}.123` }).join()).toMatch(/^\$\.createdAt: must match pattern/)
  expect(check({ more: 1 })).toEqual(['$.more: must NOT have additional properties'])
  expect(check({ status: 'seated' })).toEqual(['$.status: must be equal to one of the allowed values'])
  expect(check({ id: String(guest['id']).toUpperCase() }).join()).toMatch(/^\$\.id: must match pattern/)
  const { name: _, ...less } = guest
  expect(checkAnswer('POST', '/restaurants/x/guests', 200, less, laterPlaces).problems).toEqual([
    "$.name: must have required property 'name'",
  ])

  const pong = { type: 'pong', timestamp: `${SECOND}.123456Z` }
  expect(checkMessage('sync', pong).problems).toEqual([])
  expect(checkMessage('sync', { ...pong, timestamp: `${SECOND}Z` }).problems).toHaveLength(1)
  expect(checkMessage('sync', { ...pong, more: 1 }).problems).toHaveLength(1)
  expect(checkMessage('realtime', { type: 'full_sync' }).problems).toHaveLength(1)
})

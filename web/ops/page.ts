import type { Figures, Points, SeriesName } from '../../src/ops/figures.ts'
import { Chart, SPAN } from './chart.ts'
import { byId, html } from './element.ts'
import { chartKinds } from './lines.ts'
import { makeTables } from './tables.ts'
import { followTheme } from './theme.ts'
import { clock, count, duration } from './words.ts'

/** The operations page: asks for the figures every 2 seconds while somebody looks, and shows them. */

const EVERY = 2_000
const PATIENCE = 10_000
const WINDOWS = [
  [5, '5 minutes'],
  [15, '15 minutes'],
  [0, 'Since the start'],
] as const

let points: Points = { at: [], series: {} as Points['series'] }
let kept = 0
let minutes: number = 15
let answeredAt: number | null = null

const charts = chartKinds.map((kind) => new Chart(kind, (at) => charts.forEach((chart) => chart.point(at))))
const tables = makeTables()

/** The points so far with those that came: the last one is of a moment that the server doesn't keep, and goes. */
function joined(before: Points, came: Points, from: number, now: number): Points {
  const stay = before.at.map((at) => at <= from && at > now - SPAN)
  const series = Object.fromEntries(
    (Object.keys(came.series) as SeriesName[]).map((name) => [
      name,
      [...(before.series[name] ?? []).filter((_, n) => stay[n]), ...came.series[name]],
    ]),
  )
  return { at: [...before.at.filter((_, n) => stay[n]), ...came.at], series: series as unknown as Points['series'] }
}

function show(figures: Figures): void {
  points = joined(points, figures.points, kept, figures.at)
  kept = figures.kept
  for (const chart of charts) chart.show(points, figures.at)
  tables.show(figures)
  showStates(figures)
  showTotals(figures)
  const { version, node, startedAt } = figures
  const since = startedAt === null ? '' : ` · up ${duration((figures.at - startedAt) / 1000)}`
  byId('build').textContent = `QTable ${version} · Node ${node.replace(/^v/, '')}${since}`
  document.documentElement.dataset['at'] = `${figures.at}`
}

function showStates({ up }: Figures): void {
  const state = (name: string, isUp: boolean | null, unknown: string) => {
    const [kind, word] = isUp === null ? ['none', unknown] : isUp ? ['good', 'up'] : ['bad', 'down']
    return html('li', { class: kind }, html('span', { text: name }), html('b', { text: word }))
  }
  byId('states').replaceChildren(
    state('Database', up.database, 'not asked yet'),
    state('Redis', up.redis, 'not in use'),
  )
}

function showTotals({ totals }: Figures): void {
  const told: [keyof Figures['totals'], string][] = [
    ['requests', 'requests'],
    ['failed', 'failed'],
    ['changes', 'changes'],
    ['delivered', 'deliveries'],
    ['statements', 'statements'],
    ['slowStatements', 'slow statements'],
    ['sockets', 'sockets now'],
    ['slowReaders', 'stalled readers'],
  ]
  byId('totals').replaceChildren(
    ...told.map(([name, word]) => {
      const isBad = totals[name] > 0 && ['failed', 'slowStatements', 'slowReaders'].includes(name)
      const value = html('dd', { class: isBad ? 'bad' : '', text: count(totals[name]), attributes: { id: name } })
      return html('div', {}, html('dt', { text: word }), value)
    }),
  )
}

function showWindows(): void {
  const buttons = WINDOWS.map(([value, text]) => {
    const attributes = { type: 'radio', name: 'window', value, checked: value === minutes }
    const input = html('input', { attributes })
    input.addEventListener('change', () => {
      minutes = value
      void ask()
    })
    return html('label', {}, input, html('span', { text }))
  })
  byId('windows').replaceChildren(...buttons)
}

function showTrouble(text: string | null): void {
  const trouble = byId('trouble')
  trouble.hidden = text === null
  if (trouble.textContent !== text) trouble.textContent = text
  document.body.classList.toggle('stale', text !== null)
  if (text !== null) byId('live').textContent = 'No answer'
  else if (byId('live').textContent !== 'Live') byId('live').textContent = 'Live'
}

/** Asks once. Of answers that cross each other the one that was asked for last counts. */
let asked = 0
async function ask(): Promise<void> {
  const mine = ++asked
  try {
    const response = await fetch(`/ops/figures?since=${kept}&minutes=${minutes}`, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(PATIENCE),
    })
    if (response.status === 401) return location.reload()
    if (!response.ok) throw new Error(`it answers ${response.status}`)
    const figures = (await response.json()) as Figures
    if (mine !== asked) return
    answeredAt = figures.at
    show(figures)
    showTrouble(null)
  } catch {
    if (mine !== asked) return
    const since = answeredAt === null ? '' : ` since ${clock(answeredAt)}`
    showTrouble(`The server gives no figures${since}. Trying again every ${EVERY / 1000} seconds.`)
  }
}

function live(): void {
  let timer: ReturnType<typeof setTimeout> | undefined
  const round = async () => {
    clearTimeout(timer)
    if (document.hidden) return
    await ask()
    clearTimeout(timer)
    timer = setTimeout(() => void round(), EVERY)
  }
  document.addEventListener('visibilitychange', () => void round())
  void round()
}

followTheme(byId('theme'))
showWindows()
byId('charts').append(...charts.map(({ element }) => element))
byId('tables').append(...tables.elements)
live()

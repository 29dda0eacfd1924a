import type { Curve } from './report.ts'

/** Curves as SVG: both axes logarithmic, because what is asked is how something grows. A flat line is a cost that does not grow. */

const [WIDTH, HEIGHT] = [800, 360]
const AREA = { left: 70, right: 500, top: 40, bottom: 310 } as const
const COLOURS = ['#1f6f8b', '#c8553d', '#6b7f3a', '#7a4f9a', '#444444', '#b58900', '#d17fb0']

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
const shown = (value: number): string =>
  value >= 1 ? value.toLocaleString('en', { maximumFractionDigits: 1 }) : `${Number(value.toPrecision(2))}`

interface Axis {
  readonly from: number
  readonly to: number
  at(value: number): number
  readonly ticks: readonly number[]
}

/** From the power of ten below all values to the one above. `ends`: where the two stand, in pixels. */
function axis(values: readonly number[], [start, end]: readonly [number, number]): Axis {
  const from = Math.floor(Math.log10(Math.min(...values)))
  const to = Math.max(from + 1, Math.ceil(Math.log10(Math.max(...values))))
  const at = (value: number) => start + ((Math.log10(value) - from) / (to - from)) * (end - start)
  return { from, to, at, ticks: Array.from({ length: to - from + 1 }, (_, n) => 10 ** (from + n)) }
}

/** One curve as the text of an SVG file. */
export function svgOf({ title, x, y, series }: Curve): string {
  const points = series.flatMap((one) => one.points)
  const across = axis(
    points.map(([at]) => at),
    [AREA.left, AREA.right],
  )
  const up = axis(
    points.map(([, at]) => at),
    [AREA.bottom, AREA.top],
  )
  const lines = [
    ...across.ticks.map((tick) => {
      const at = across.at(tick).toFixed(1)
      return `<path d="M${at} ${AREA.top}V${AREA.bottom}" class="grid"/><text x="${at}" y="${AREA.bottom + 18}" text-anchor="middle">${shown(tick)}</text>`
    }),
    ...up.ticks.map((tick) => {
      const at = up.at(tick).toFixed(1)
      return `<path d="M${AREA.left} ${at}H${AREA.right}" class="grid"/><text x="${AREA.left - 8}" y="${Number(at) + 4}" text-anchor="end">${shown(tick)}</text>`
    }),
    ...series.map(({ name, points: own }, n) => {
      const colour = COLOURS[n % COLOURS.length]!
      const path = own.map(([px, py], k) => `${k === 0 ? 'M' : 'L'}${across.at(px).toFixed(1)} ${up.at(py).toFixed(1)}`)
      const dots = own.map(
        ([px, py]) => `<circle cx="${across.at(px).toFixed(1)}" cy="${up.at(py).toFixed(1)}" r="3" fill="${colour}"/>`,
      )
      const last = own.at(-1)!
      const label = `<path d="M512 ${56 + n * 22}h16" stroke="${colour}" stroke-width="2"/><text x="534" y="${60 + n * 22}">${escaped(name)}</text>`
      return `<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="2"><title>${escaped(name)}: ${shown(last[1])} at ${shown(last[0])}</title></path>${dots.join('')}${label}`
    }),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">
<style>text{font:12px system-ui,sans-serif;fill:#333}.grid{stroke:#ddd;fill:none}.title{font-weight:600;font-size:14px}</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="${AREA.left}" y="22" class="title">${escaped(title)}</text>
<text x="${(AREA.left + AREA.right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(x)}</text>
<text transform="translate(16 ${(AREA.top + AREA.bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>
${lines.join('\n')}
</svg>
`
}

/** The scales of a chart. */

/** A top for the values of a chart that divides well, and the values of its lines. Steps of 1, 2, 2.5 and 5. */
export function scaleOf(highest: number, least: number, lines = 3): { top: number; ticks: number[] } {
  const most = Math.max(highest, least)
  const rough = most / lines
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 2.5, 5, 10].find((each) => each * power >= rough * 0.999) ?? 10) * power
  const ticks = Array.from({ length: Math.ceil(most / step - 0.001) }, (_, n) => (n + 1) * step)
  return { top: ticks.at(-1) ?? most, ticks }
}

/** The path of a line through points, broken where there is no value. */
export function lineOf(points: readonly (readonly [x: number, y: number | null])[]): string {
  let path = ''
  let isOpen = false
  for (const [x, y] of points) {
    if (y !== null) path += `${isOpen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`
    isOpen = y !== null
  }
  return path
}

/** The outline of what is below a line, down to a baseline; of each unbroken part. */
export function areaOf(points: readonly (readonly [x: number, y: number | null])[], base: number): string {
  let path = ''
  let last: number | null = null
  for (const [x, y] of points) {
    if (y !== null) path += `${last === null ? `M${x.toFixed(1)} ${base}L` : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`
    else if (last !== null) path += `L${last.toFixed(1)} ${base}Z`
    last = y === null ? null : x
  }
  return last === null ? path : `${path}L${last.toFixed(1)} ${base}Z`
}

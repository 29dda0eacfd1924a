import { metrics, type Metric } from '../src/platform/observability/metrics.ts'

/** docs/metrics.md, made from the table of metrics. */

const INTRO = `# Metrics

\`npm run api-documents\` makes this page from \`src/platform/observability/metrics.ts\`. A test compares the two.

\`GET /metrics\` answers in Prometheus' text format, with the header \`Authorization: Bearer <OPS_TOKEN>\`. Names follow
OpenTelemetry's conventions in Prometheus form. Times are seconds.

With \`WEB_CONCURRENCY\`, one scrape of the one port covers all processes of that server. Each metric below says how: the
sum, the least (min) or the greatest (max) of their figures. Counters keep what replaced processes had counted at the
last scrape.

No label holds a restaurant's id, except in \`qtable_restaurant_sockets_open\`. A metric has at most 2,000 series; the
rest is counted under \`other\`.

Commit-to-delivered is measured from PostgreSQL's answer to the commit until the last socket's bytes are handed to the
system, once per change, kind of socket and process. Between machines it needs synchronised clocks. A change whose hint
was lost and that was found in the log counts from the time of its command.

Each item has the type, the way to combine several processes, the labels and the meaning.
`

/** The text of docs/metrics.md: an item for each metric. */
export function metricsDocument(): string {
  const items = Object.values<Metric>(metrics).map(({ name, type, labels, help, across }) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ')
    const lines = [`- \`${name}\` (${type}; ${across})`, ...(shown === '' ? [] : [`Labels: ${shown}`]), help]
    return lines.join('\\\n  ')
  })
  return [INTRO, ...items, ''].join('\n')
}

import { metrics, type Metric } from '../src/platform/observability/metrics.ts'

/** docs/metrics.md, made from the table of metrics. */

const INTRO = `# Metrics

Made from \`src/platform/observability/metrics.ts\` by \`npm run api-documents\`; a test compares the two.

\`GET /metrics\` answers in Prometheus' text format, with the header \`Authorization: Bearer <OPS_TOKEN>\`. With \`WEB_CONCURRENCY\` one scrape of the one port is the sum over all processes of that server (for some
gauges the least or the greatest, see the last column), and counters keep what replaced processes had counted at the last scrape. Names follow OpenTelemetry's conventions in Prometheus form; times are seconds.

No label holds a restaurant's id, except \`qtable_restaurant_sockets_open\`: the 1,000 restaurants with most sockets. A metric has 2,000 series at most; what is more is counted under \`other\`.

How commit-to-delivered is measured: from the answer of PostgreSQL to the commit until the last socket's bytes are handed to the system, once for each change, kind of socket and process. Between
machines it needs clocks that agree. A change that was found in the log, because word of it was lost, counts from the time of its command.
`

/** The text of docs/metrics.md. */
export function metricsDocument(): string {
  const rows = Object.values<Metric>(metrics).map(({ name, type, labels, help, across }) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${type} | ${shown} | ${help} | ${across} |`
  })
  return [
    INTRO,
    '| metric | type | labels | what it tells | of several processes |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n')
}

/** Every metric that there is, in one table: /metrics, docs/metrics.md and the tests are made from it. Names follow OpenTelemetry's conventions in Prometheus form. */

/** One metric. `across`: how several processes make one figure of theirs. */
export interface Metric<Labels extends readonly string[] = readonly string[]> {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: Labels
  readonly across: 'sum' | 'min' | 'max'
  /** Upper bounds of a histogram's buckets, without the last, which is infinite. */
  readonly buckets?: readonly number[]
}

const counter = <const L extends readonly string[]>(name: string, labels: L, help: string): Metric<L> => ({
  name,
  type: 'counter',
  help,
  labels,
  across: 'sum',
})

const gauge = <const L extends readonly string[]>(
  name: string,
  labels: L,
  help: string,
  across: Metric['across'] = 'sum',
): Metric<L> => ({ name, type: 'gauge', help, labels, across })

const histogram = <const L extends readonly string[]>(
  name: string,
  labels: L,
  help: string,
  buckets: readonly number[] = SECONDS,
): Metric<L> => ({ name, type: 'histogram', help, labels, across: 'sum', buckets })

// From what memory answers to what a deadline ends.
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20]
// A write that another process hears of at the next poll takes two seconds; one that a device missed, longer.
const DELIVERY = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30]
const PAUSES = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]

/** The table, by the names that the code uses. */
export const metrics = {
  // ---- HTTP
  httpDuration: histogram(
    'http_server_request_duration_seconds',
    ['http_request_method', 'http_route', 'http_response_status_code'],
    'Time from the head of a request to the last byte of its answer',
  ),
  httpActive: gauge('http_server_active_requests', [], 'Requests under way'),
  httpErrors: counter(
    'qtable_http_errors_total',
    ['http_route', 'code'],
    'Requests that were refused, by the code of the refusal; code bug is a fault of the server',
  ),
  // ---- statements
  statementDuration: histogram(
    'db_client_operation_duration_seconds',
    ['db_query_summary'],
    'Time of an SQL statement from its sending to its answer, by its name',
  ),
  statementRows: counter('qtable_db_rows_total', ['db_query_summary'], 'Rows that statements gave or touched'),
  statementErrors: counter(
    'qtable_db_errors_total',
    ['db_query_summary', 'sqlstate_class'],
    'Statements that failed, by the first two characters of the SQLSTATE; 08 too where the connection broke',
  ),
  slowStatements: counter(
    'qtable_db_slow_statements_total',
    ['db_query_summary'],
    'Statements that took longer than SLOW_STATEMENT_MILLIS',
  ),
  // ---- pool
  poolConnections: gauge('db_client_connection_count', ['state'], 'Database connections, idle and used'),
  poolMax: gauge('db_client_connection_max', [], 'Database connections at most'),
  poolPending: gauge('db_client_connection_pending_requests', [], 'Transactions that wait for a connection'),
  poolWait: histogram('db_client_connection_wait_time_seconds', [], 'Time that a transaction waited for a connection'),
  poolTimeouts: counter(
    'db_client_connection_timeouts_total',
    ['reason'],
    'Transactions that got no connection: none came free in time (deadline), or too many waited already (queue-full)',
  ),
  dbUp: gauge('qtable_db_up', [], 'Whether the last attempt to reach the database succeeded: 1 or 0', 'min'),
  // ---- sockets
  socketsOpen: gauge('qtable_sockets_open', ['kind'], 'Open sockets'),
  socketsOpened: counter('qtable_sockets_opened_total', ['kind'], 'Sockets that were opened'),
  socketsClosed: counter(
    'qtable_sockets_closed_total',
    ['kind', 'code'],
    'Sockets that ended, by close code (RFC 6455; 0 for codes that peers made up)',
  ),
  socketBacklog: gauge('qtable_socket_backlog_bytes', ['kind'], 'Bytes that peers have not taken yet'),
  socketFrames: counter('qtable_socket_frames_sent_total', ['kind'], 'Text frames given to the network'),
  socketWrites: counter(
    'qtable_socket_writes_total',
    ['kind'],
    'Writes to the network; frames by writes is how many go out in one',
  ),
  socketsSlowClosed: counter('qtable_sockets_slow_closed_total', [], 'Sockets closed because their peer did not read'),
  restaurantSockets: gauge(
    'qtable_restaurant_sockets_open',
    ['restaurant'],
    'Open sockets of a restaurant: of the 1,000 that have most',
  ),
  // ---- change log
  changes: counter('qtable_changes_total', ['command'], 'Changes appended to the log, by command'),
  lagChanges: gauge(
    'qtable_change_log_lag_changes',
    [],
    'Changes that this server has word of and has not delivered yet, of all watched restaurants',
  ),
  lagSeconds: gauge(
    'qtable_change_log_lag_seconds',
    [],
    'How long the oldest of those has been known, 0 when there is none',
    'max',
  ),
  delivered: histogram(
    'qtable_commit_to_delivered_seconds',
    ['kind'],
    'Time from the commit of a change until it was written to every socket of one kind that hears it here',
    DELIVERY,
  ),
  applied: histogram(
    'qtable_commit_to_applied_seconds',
    [],
    'Time from the commit of a change until a device that acknowledges said that it is on the glass',
    DELIVERY,
  ),
  watched: gauge('qtable_restaurants_watched', [], 'Restaurants whose log is followed'),
  // ---- cache
  cacheRequests: counter(
    'qtable_cache_requests_total',
    ['shape', 'result'],
    'Reads by how their answer came about: hit, not-modified, made, redis, bypassed',
  ),
  cacheBytes: gauge('qtable_cache_bytes', [], 'Bytes of answers kept in memory'),
  cacheEntries: gauge('qtable_cache_entries', [], 'Answers kept in memory'),
  cacheEvictions: counter('qtable_cache_evictions_total', [], 'Answers that had to go to make room'),
  floors: gauge('qtable_floors', ['state'], 'Floors in memory: held by somebody, or idle'),
  floorCharacters: gauge('qtable_floor_characters', [], 'Characters of JSON of all floors in memory'),
  accessHeard: gauge(
    'qtable_access_heard',
    [],
    'Whether the database says when access ends: 1, or 0 while it is asked every second',
    'min',
  ),
  // ---- Redis
  redisUp: gauge('qtable_redis_up', [], 'Whether Redis is connected: 1 or 0; absent without REDIS_URL', 'min'),
  redisPublished: counter('qtable_redis_published_total', [], 'Words of changes sent to other processes'),
  redisHeard: counter('qtable_redis_heard_total', [], 'Words of changes heard from other processes'),
  redisForgotten: counter('qtable_redis_forgotten_total', [], 'Words of changes that could not be sent'),
  redisDuration: histogram(
    'qtable_redis_operation_duration_seconds',
    ['operation'],
    'Time of an operation of Redis until its answer',
  ),
  // ---- runtime
  loopDelayP50: gauge(
    'nodejs_eventloop_delay_p50_seconds',
    [],
    'Delay of the event loop in the last 5 s, median',
    'max',
  ),
  loopDelayP99: gauge(
    'nodejs_eventloop_delay_p99_seconds',
    [],
    'Delay of the event loop in the last 5 s, 99th percentile',
    'max',
  ),
  loopDelayMax: gauge(
    'nodejs_eventloop_delay_max_seconds',
    [],
    'Longest delay of the event loop in the last 5 s',
    'max',
  ),
  loopUtilization: gauge(
    'nodejs_eventloop_utilization',
    [],
    'Share of the last 5 s in which the event loop was busy',
    'max',
  ),
  gc: histogram('v8js_gc_duration_seconds', ['v8js_gc_type'], 'Pauses for the collection of garbage', PAUSES),
  heapUsed: gauge('v8js_memory_heap_used_bytes', [], 'Heap that is used'),
  heapLimit: gauge('v8js_memory_heap_limit_bytes', [], 'Heap at most'),
  cpu: counter('process_cpu_seconds_total', [], 'Processor time, of user and system'),
  memory: gauge('process_resident_memory_bytes', [], 'Memory of the process'),
  startTime: gauge('process_start_time_seconds', [], 'When the process started, since 1970', 'min'),
  openFiles: gauge('process_open_fds', [], 'Open file descriptors'),
  build: gauge('qtable_build_info', ['version', 'node'], '1, with the versions of QTable and Node', 'max'),
} as const satisfies Record<string, Metric>

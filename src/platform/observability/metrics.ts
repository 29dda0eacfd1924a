/**
 * The table of all metrics. /metrics, docs/metrics.md and the tests are made from it. Names follow OpenTelemetry's
 * conventions in Prometheus form.
 */

/** One metric. `across`: how the figures of several processes become one. */
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

// From an answer out of memory to a request that meets its deadline.
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20]
// Without a hint, another process learns of a write at its next poll, after two seconds. A missed change takes longer.
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
  httpActive: gauge('http_server_active_requests', [], 'Requests in progress'),
  httpErrors: counter(
    'qtable_http_errors_total',
    ['http_route', 'code'],
    'Refused requests, by the code of the refusal; the code bug is a fault of the server',
  ),
  // ---- statements
  statementDuration: histogram(
    'db_client_operation_duration_seconds',
    ['db_query_summary'],
    'Time from sending an SQL statement to its answer, by the name of the statement',
  ),
  statementRows: counter('qtable_db_rows_total', ['db_query_summary'], 'Rows that statements returned or changed'),
  statementErrors: counter(
    'qtable_db_errors_total',
    ['db_query_summary', 'sqlstate_class'],
    'Failed statements, by the first two characters of the SQLSTATE; 08 also for a broken connection',
  ),
  slowStatements: counter(
    'qtable_db_slow_statements_total',
    ['db_query_summary'],
    'Statements that took longer than SLOW_STATEMENT_MILLIS',
  ),
  // ---- pool
  poolConnections: gauge('db_client_connection_count', ['state'], 'Database connections, idle and used'),
  poolMax: gauge('db_client_connection_max', [], 'Maximum number of database connections'),
  poolPending: gauge('db_client_connection_pending_requests', [], 'Transactions waiting for a connection'),
  poolWait: histogram('db_client_connection_wait_time_seconds', [], 'Time that a transaction waited for a connection'),
  poolTimeouts: counter(
    'db_client_connection_timeouts_total',
    ['reason'],
    'Transactions that got no connection: none came free in time (deadline), or too many waited already (queue-full)',
  ),
  dbUp: gauge('qtable_db_up', [], 'Whether the last attempt to reach the database succeeded: 1 or 0', 'min'),
  // ---- sockets
  socketsOpen: gauge('qtable_sockets_open', ['kind'], 'Open sockets'),
  socketsOpened: counter('qtable_sockets_opened_total', ['kind'], 'Opened sockets'),
  socketsClosed: counter(
    'qtable_sockets_closed_total',
    ['kind', 'code'],
    'Closed sockets, by close code (RFC 6455; 0 for unknown codes)',
  ),
  handshakesRefused: counter(
    'qtable_socket_handshakes_refused_total',
    ['http_response_status_code'],
    'WebSocket handshakes that were refused, by HTTP status',
  ),
  socketBacklog: gauge('qtable_socket_backlog_bytes', ['kind'], 'Bytes that peers have not read yet'),
  socketFrames: counter('qtable_socket_frames_sent_total', ['kind'], 'Text frames sent'),
  socketWrites: counter(
    'qtable_socket_writes_total',
    ['kind'],
    'Writes to the network; frames divided by writes is the number of frames per write',
  ),
  socketsSlowClosed: counter('qtable_sockets_slow_closed_total', [], 'Sockets closed because their peer did not read'),
  restaurantSockets: gauge(
    'qtable_restaurant_sockets_open',
    ['restaurant'],
    'Open sockets of a restaurant, for the 1,000 restaurants with the most',
  ),
  // ---- change log
  changes: counter('qtable_changes_total', ['command'], 'Changes appended to the log, by command'),
  lagChanges: gauge(
    'qtable_change_log_lag_changes',
    [],
    'Changes that this server knows of and has not delivered yet, of all watched restaurants',
  ),
  lagSeconds: gauge(
    'qtable_change_log_lag_seconds',
    [],
    'How long the oldest undelivered change has been known; 0 without one',
    'max',
  ),
  delivered: histogram(
    'qtable_commit_to_delivered_seconds',
    ['kind'],
    'Time from the commit of a change until it was written to every subscribed socket of one kind in this process',
    DELIVERY,
  ),
  applied: histogram(
    'qtable_commit_to_applied_seconds',
    [],
    'Time from the commit of a change until a device acknowledged that it shows it',
    DELIVERY,
  ),
  watched: gauge('qtable_restaurants_watched', [], 'Restaurants whose log this process follows'),
  // ---- cache
  cacheRequests: counter(
    'qtable_cache_requests_total',
    ['shape', 'result'],
    'Reads by the source of their answer: hit, not-modified, made, redis, bypassed',
  ),
  cacheBytes: gauge('qtable_cache_bytes', [], 'Bytes of answers kept in memory'),
  cacheEntries: gauge('qtable_cache_entries', [], 'Answers kept in memory'),
  cacheEvictions: counter('qtable_cache_evictions_total', [], 'Answers removed to make room'),
  floors: gauge('qtable_floors', ['state'], 'Floors in memory: held (in use) or idle'),
  floorCharacters: gauge('qtable_floor_characters', [], 'Characters of JSON of all floors in memory'),
  accessHeard: gauge(
    'qtable_access_heard',
    [],
    '1 while the database sends notices that access has ended; 0 while the server asks every second instead',
    'min',
  ),
  // ---- Redis
  redisUp: gauge('qtable_redis_up', [], 'Whether Redis is connected: 1 or 0; absent without REDIS_URL', 'min'),
  redisPublished: counter('qtable_redis_published_total', [], 'Hints sent to other processes'),
  redisHeard: counter('qtable_redis_heard_total', [], 'Hints received from other processes'),
  redisForgotten: counter('qtable_redis_forgotten_total', [], 'Hints that could not be sent'),
  redisRefused: counter(
    'qtable_redis_refused_total',
    [],
    'Hints that were ignored, because they were not sealed with this SECRET_KEY',
  ),
  redisDuration: histogram(
    'qtable_redis_operation_duration_seconds',
    ['operation'],
    'Time from a Redis operation to its answer',
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
  gc: histogram('v8js_gc_duration_seconds', ['v8js_gc_type'], 'Pauses for garbage collection', PAUSES),
  heapUsed: gauge('v8js_memory_heap_used_bytes', [], 'Used heap'),
  heapLimit: gauge('v8js_memory_heap_limit_bytes', [], 'Maximum heap'),
  cpu: counter('process_cpu_seconds_total', [], 'Processor time, user and system'),
  memory: gauge('process_resident_memory_bytes', [], 'Resident memory'),
  startTime: gauge('process_start_time_seconds', [], 'Start time of the process, since 1970', 'min'),
  openFiles: gauge('process_open_fds', [], 'Open file descriptors'),
  build: gauge(
    'qtable_build_info',
    ['version', 'node'],
    'Always 1; the labels have the versions of QTable and Node',
    'max',
  ),
} as const satisfies Record<string, Metric>

import { opsLimits } from './observability/ops-limits.ts'

import { messageLimits } from './message-limits.ts'
import { nounLimits } from './noun-limits.ts'
import { waitlistLimits } from './waitlist-limits.ts'

/** Every limit, with its unit. A setting may lower some of them. Nothing is unlimited. */
export const limits = {
  ...nounLimits,
  ...waitlistLimits,
  /** What the log buffers for one write, and for how long at most. */
  logBufferBytes: 8_192,
  logFlushMillis: 100,
  /** The backlog of the log. When it is full, new lines are dropped and counted in a line of their own. */
  logBacklogBytes: 16 * 1024 * 1024,
  /** The largest request body; and the largest that is read without a good token, or where none is needed. */
  bodyBytes: 1024 * 1024,
  openBodyBytes: 16 * 1024,
  /** Nesting levels of lists and objects in a body. */
  bodyLevels: 100,
  /** Items of one 422 of the contract, and characters of JSON that an item repeats of the request. */
  faultItems: 100,
  faultInputCharacters: 1_000,
  /** How long a connection may be silent during a request or while its answer is not read. */
  connectionSilenceMillis: 60_000,
  /** How long a peer has to close its own half of a refused handshake, or of a socket closed here. */
  refusedSocketMillis: 1_000,
  closedSocketMillis: 2_000,
  /** Largest frame a client may send on a socket. */
  socketFrameBytes: 64 * 1024,
  /** Unread bytes after which a socket is closed. */
  socketBacklogBytes: 1024 * 1024,
  /** The age of unread data after which a socket is closed. */
  socketBacklogMillis: 10_000,
  /** Frames that are joined for one write to a socket; a longer one goes alone. */
  joinedBytes: 64 * 1024,
  /** How long a socket may take to authenticate. */
  socketSignInMillis: 5_000,
  /** A protocol ping is sent this often. */
  socketPingMillis: 20_000,
  /** Sockets of one restaurant in one process. */
  socketsPerRestaurant: 500,
  /**
   * Connections that wait to be accepted. Linux drops more silently, and their clients try again after 1, 3 and 7 s:
   * when a network comes back, all devices connect at once. The system's own limit (`net.core.somaxconn`, 4,096)
   * applies as well.
   */
  listenBacklog: 4_096,
  /**
   * WebSocket handshakes that are admitted at once, those per second after that, and those that wait: as many as get
   * their turn within five seconds, after which clients give up.
   */
  handshakesAtOnce: 40,
  handshakesPerSecond: 500,
  handshakesWaiting: 2_500,
  /** Sockets of one process. */
  socketsPerProcess: 20_000,
  /** Entities that one command may touch. */
  entriesPerChange: 5_000,
  /** Changes read from the log at once. */
  changesPerRead: 500,
  /** Changes that are searched for the one behind an entity's state. */
  changesSearched: 100,
  /** Changes that a returning device gets at once; if it missed more, it asks again. */
  changesPerResume: 10_000,
  /** Tables of one restaurant. */
  tablesPerRestaurant: 2_000,
  /** Items of one list in a request. */
  listItems: 1_000,
  /** Length of a note or a request, in characters. */
  noteCharacters: 10_000,
  /** Dietary restrictions of one guest, and the length of each in characters. */
  dietaryRestrictions: 50,
  dietaryRestrictionCharacters: 200,
  /** Tags of one person, and the length of each in characters. */
  personTags: 30,
  personTagCharacters: 50,
  /** Digits of a phone number that people are joined by. */
  phoneDigits: { min: 6, max: 15 },
  /** A party that is added this soon after the end of a visit is on the same visit. */
  sameVisitMillis: 3_600_000,
  /** Visits in an answer about one person, and merges into one person that may be undone. */
  visitsPerPerson: 200,
  mergesPerPerson: 50,
  /** Visits of each kind in the export of one person. */
  exportedVisits: 5_000,
  /** A search among people: characters typed, people looked at, and people in one answer. */
  searchCharacters: 100,
  peopleLookedAt: 500,
  peopleFound: 100,
  /** Guests in one answer. */
  guestsPerList: 50_000,
  /** Characters of a client-made mutation id or device name. */
  mutationIdCharacters: 200,
  deviceCharacters: 200,
  /** Series of one metric; the rest counts as "other". Restaurants in /metrics: those with the most sockets. */
  seriesPerMetric: 2_000,
  restaurantsInMetrics: 1_000,
  /** Changes whose commit time is remembered, until all devices can have acknowledged them. */
  commitsRemembered: 4_096,
  /** How often event loop and processor are sampled for /metrics. */
  runtimeWindowMillis: 5_000,
  /** How long the result of a health check is valid, and how long a check may take. */
  healthMillis: 1_000,
  healthCheckMillis: 2_000,
  /** A server this far behind its change logs is not ready. */
  readyLagMillis: 10_000,
  /** How long the other processes of a machine have to send their figures. */
  figuresMillis: 2_000,
  /** Wrong tokens of the operations page, per address and in total within the window, after which it asks to wait. */
  opsFailures: 10,
  opsFailuresAltogether: 200,
  opsFailureWindowMillis: 60_000,
  /** How often a slow statement's plan is requested: of one statement, and of any. */
  planMillis: 600_000,
  anyPlanMillis: 5_000,
  /** Characters of a request id that a client may choose. */
  requestIdCharacters: 64,
  /** Times that a transaction is repeated after a deadlock or a lost race for rows. */
  transactionAttempts: 5,
  /** Requests waiting for a database connection; one more is refused. */
  poolWaiting: 1_000,
  /** How long a request waits for a database connection. */
  poolWaitMillis: 10_000,
  /** How long an idle database connection is kept. */
  poolIdleMillis: 300_000,
  /** How long a connection is silent before the network checks the other end. */
  poolKeepAliveMillis: 5_000,
  /** Listening for notices: interval of tries, longest wait in such intervals, time for the proof. */
  noticeRetryMillis: 1_000,
  noticeRetryTicks: 60,
  noticeProofMillis: 2_000,
  /**
   * How long the listening connection is silent before the network checks it, then every second: a dead one is
   * detected within ten more.
   */
  noticeKeepAliveMillis: 2_000,
  /** How long one SQL statement may run or wait for a lock, and a transaction may be idle. */
  statementMillis: 15_000,
  lockMillis: 10_000,
  idleTransactionMillis: 30_000,
  /**
   * How long a transaction may take in total, as this process sees it. Then its connection is given up. With the wait
   * for a connection, it bounds every request.
   */
  transactionMillis: 20_000,
  ownerTransactionMillis: 120_000,
  /** Changes that a floor in memory keeps for returning devices, and their characters of JSON. */
  recentChanges: 1_000,
  recentCharacters: 1_000_000,
  /** Entities of a floor whose last change is remembered, so that an answer rewrites only those; and as many more. */
  floorTouches: 1_000,
  /** Idle floors in memory: for how long, how many, how many characters of JSON, how often checked. */
  floorIdleMillis: 60_000,
  idleFloors: 1_000,
  idleFloorCharacters: 100_000_000,
  floorSweepMillis: 5_000,
  /** Days that a visit stays on the floor of the stream after its end: older ones are history, which is asked for. */
  streamDays: 7,
  /** The interval of heartbeats of the native stream. */
  streamBeatMillis: 5_000,
  /** The shortest interval between two hellos of a device. */
  streamHelloMillis: 1_000,
  /** Characters of one frame of missed changes. */
  frameCharacters: 256_000,
  /** Pages of the log that returning devices of a restaurant share. */
  sharedPages: 8,
  /** A stopping server spreads the return of its sockets over this time. */
  reconnectSpreadMillis: 3_000,
  /** How often a lost connection to Redis and missing subscriptions are checked. */
  redisTendMillis: 500,
  /** Characters of a change that travels in a hint; a larger one is read from the log. */
  hintCharacters: 32_000,
  /** How often a hint of another epoch is looked into, and an unsealed hint is logged. */
  otherEpochMillis: 250,
  hintComplaintMillis: 60_000,
  /** Database connections of housekeeping, apart from those of the requests. */
  housekeepingConnections: 2,
  /**
   * Time limits of its statements: they may run longer, and wait only briefly for a lock, because everyone behind
   * them waits as long.
   */
  ownerStatementMillis: 60_000,
  ownerLockMillis: 200,
  /** Housekeeping: its interval, tries for a lock, their interval, the wait for older readers of a dropped day. */
  housekeepingMillis: 3_600_000,
  housekeepingAttempts: 20,
  housekeepingPauseMillis: 500,
  olderReadersMillis: 60_000,
  /** Days of the log that are created in advance. Each costs a read of the log some microseconds. */
  daysAhead: 7,
  /** Per run: further days that are created, restaurants whose floor is raised, answers deleted. */
  daysPerRun: 60,
  floorsPerBatch: 200,
  mutationsPerBatch: 2_000,
  /**
   * How often a server checks whether its database is still the same; how long it waits for another server that gives
   * new epochs, and how often.
   */
  lineageMillis: 5_000,
  lineagePauseMillis: 25,
  lineageAttempts: 400,
  /** How often a server looks whether a newer one has brought logs forward; how many logs one transaction brings forward. */
  logVersionMillis: 2_000,
  logsPerUpgrade: 1_000,
  /** How often a migration is tried that meets others at work, and how long it waits before the next try. */
  migrationAttempts: 50,
  migrationPauseMillis: 200,
  /** Checks of the epochs that a transaction may start: the database may recover again meanwhile. */
  epochChecks: 3,
  /** Changes whose times the hub remembers, to tell a repeated change from another with its number. */
  deliveredTimes: 200,
  /** How often the heads of watched restaurants are compared with what was delivered. */
  headPollMillis: 1_000,
  /** Only every this many times, if no other process writes and no commit is in doubt. */
  solePollTicks: 10,
  /** Running queries for the ends of logs; each serves all who ask meanwhile. */
  headQuestions: 2,
  /** The shortest interval between two of them. */
  headSpacingMillis: 2,
  /** Answers smaller than this are not compressed. */
  codedBytes: 1_024,
  /** Answers are stored in Redis after standing this long, for this long, up to this size. */
  answerStoreMillis: 500,
  answerStoreSeconds: 3_600,
  answerStoreBytes: 2_000_000,
  /** How often answers in memory that ended by themselves are looked for. */
  answerSweepMillis: 60_000,
  /** How long a read waits for Redis before it continues without. */
  storeMillis: 100,
  /** Characters of a query string whose answer is remembered, and the number of such strings. */
  rememberedQueryCharacters: 300,
  rememberedQueries: 10_000,
  /** Parsed headers accept-encoding that are remembered. */
  rememberedCodings: 1_000,
  /** How long the person behind a token is remembered. */
  identityMillis: 2_000,
  /** How often the access of people with sockets is checked; and every this many such times while notices arrive. */
  accessReviewMillis: 1_000,
  seldomReviewTicks: 30,
  /** Sign-ins per query of that check. */
  reviewIds: 1_000,
  ...messageLimits,
  /** Staff of one restaurant. */
  staffPerRestaurant: 1_000,
  /**
   * Failed sign-ins within the window after which both doors ask to wait: of one e-mail and from one address, by
   * strangers; and of one e-mail from where it signed in before.
   */
  signInFailuresPerEmail: 10,
  signInFailuresPerAddress: 100,
  signInFailuresPerKnown: 30,
  signInFailureWindowMillis: 300_000,
  /** E-mails, addresses and devices whose failures a process remembers. */
  signInFailureKeys: 10_000,
  /** Attempts that wait for the results of running ones. */
  attemptsWaiting: 1_000,
  /** How long such a refusal is repeated without asking the database. */
  signInRefusalMillis: 10_000,
  /** Running sign-ins of one process: from where somebody signed in before, and of strangers. */
  signInsAtOnce: { known: 1_000, strangers: 200 },
  /** Known places: per account, for how long, how often renewed; and how long a device is remembered. */
  knownPlaces: 20,
  knownPlaceMillis: 90 * 86_400_000,
  knownPlaceRenewMillis: 86_400_000,
  deviceCookieMillis: 400 * 86_400_000,
  /** How often a used-up refresh token is accepted again while nothing issued for it has been used. */
  refreshRepeats: 10,
  /** Characters of a refresh token. */
  refreshTokenCharacters: 200,
  /** How long an ended sign-in is kept, and how many are deleted at once. */
  endedSignInMillis: 30 * 86_400_000,
  signInsForgottenAtOnce: 1_000,
  /** Entries of the caches of verified tokens and of identities. */
  verifiedTokens: 10_000,
  identities: 10_000,
  /** How long a stopping server leaves idle connections open: a request may be on its way on them. */
  drainMillis: 2_000,
  /** How long to wait before a process that died is restarted, at first and at most. */
  processRetryMillis: 200,
  processRetryMaxMillis: 5_000,
  /** How long a stop waits for running requests. */
  stopMillis: 5_000,
  /** Days: of history behind turn times, counted by one refresh, uncounted in one read, of one insight. */
  insightDays: { ofTurns: 364, counted: 14, uncounted: 3, asked: 366 },
  /** Password checks at once: each takes 19 MiB for about 12 ms. */
  passwordChecks: 4,
  /** Checks that wait for their turn; strangers come last. */
  passwordsWaiting: { known: 1_000, strangers: 200 },
  /** Characters of a password at most; characters of a new one at the native API at least. */
  passwordCharacters: 1_000,
  newPasswordCharacters: 8,
  ...opsLimits,
} as const

/** Every bound there is, with its unit. A setting may lower some of them; nothing has no bound. */
export const limits = {
  /** What the log holds back to write it together, and for how long at most. */
  logBufferBytes: 8_192,
  logFlushMillis: 100,
  /** What waits for whoever reads the log. What comes while it is full is dropped, and counted in a line of its own. */
  logBacklogBytes: 16 * 1024 * 1024,
  /** Largest request body; and the largest that is read before a good token is seen, or where none is needed. */
  bodyBytes: 1024 * 1024,
  openBodyBytes: 16 * 1024,
  /** Levels of lists and objects within each other that a body may have. */
  bodyLevels: 100,
  /** Items of one 422 of the contract, and characters of JSON of what an item repeats of the request. */
  faultItems: 100,
  faultInputCharacters: 1_000,
  /** How long a connection may be silent while a request is under way or its answer is not taken. */
  connectionSilenceMillis: 60_000,
  /** How long the other end of a refused handshake, or of a socket that was closed here, has to close its own half. */
  refusedSocketMillis: 1_000,
  closedSocketMillis: 2_000,
  /** Largest frame a client may send on a socket. */
  socketFrameBytes: 64 * 1024,
  /** What a socket may leave unread before it is closed. */
  socketBacklogBytes: 1024 * 1024,
  /** How long a socket may leave anything unread before it is closed. */
  socketBacklogMillis: 10_000,
  /** Frames that are joined for one write to a socket; a longer one goes alone. */
  joinedBytes: 64 * 1024,
  /** How long a socket may take to say who it is. */
  socketSignInMillis: 5_000,
  /** A protocol ping is sent this often. */
  socketPingMillis: 20_000,
  /** Sockets of one restaurant in one process. */
  socketsPerRestaurant: 500,
  /**
   * Connections that wait to be accepted. Linux drops what is more without a word, and whoever connects tries again
   * after 1, 3 and 7 s: when a network comes back, all devices connect in the same moment. The system's own limit
   * (`net.core.somaxconn`, 4,096) holds as well.
   */
  listenBacklog: 4_096,
  /**
   * WebSocket handshakes that are let in directly, those a second after that, and those that wait: as many as have their
   * turn within five seconds, after which clients give up.
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
  /** Changes that are looked through for the one that made an entity what it is. */
  changesSearched: 100,
  /** Changes that a device is given at once when it comes back; whoever missed more asks again. */
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
  /** Guests in one answer. */
  guestsPerList: 50_000,
  /** Characters of a client-made mutation id or device name. */
  mutationIdCharacters: 200,
  deviceCharacters: 200,
  /** Series of one metric; what is more is counted as one, "other". Restaurants that /metrics names: those with most sockets. */
  seriesPerMetric: 2_000,
  restaurantsInMetrics: 1_000,
  /** Changes whose moment of commit is remembered, until all devices can have said that they show them. */
  commitsRemembered: 4_096,
  /** How often event loop and processor are looked at for /metrics. */
  runtimeWindowMillis: 5_000,
  /** How long the answer of a check of health counts, and how long one may take. */
  healthMillis: 1_000,
  healthCheckMillis: 2_000,
  /** A server that is so long behind its change logs is not ready. */
  readyLagMillis: 10_000,
  /** How long the other processes of a machine have to say their figures. */
  figuresMillis: 2_000,
  /** Wrong tokens of the operations page, from one address and altogether, within the window, after which it is asked to wait. */
  opsFailures: 10,
  opsFailuresAltogether: 200,
  opsFailureWindowMillis: 60_000,
  /** A slow statement's plan is asked for so often: of one statement, and of any. */
  planMillis: 600_000,
  anyPlanMillis: 5_000,
  /** Characters of a request id that a client may choose. */
  requestIdCharacters: 64,
  /** Times that a transaction is run again after a deadlock or a lost race for rows. */
  transactionAttempts: 5,
  /** Requests waiting for a database connection; one more is told to come back. */
  poolWaiting: 1_000,
  /** How long a request waits for a database connection. */
  poolWaitMillis: 10_000,
  /** How long a database connection is kept that nothing uses. */
  poolIdleMillis: 300_000,
  /** How long a connection is silent before the network is asked whether the other end is there. */
  poolKeepAliveMillis: 5_000,
  /** How often it is tried again to hear what the database says, at most so many times this long where it doesn't help; and how long what was said may take. */
  noticeRetryMillis: 1_000,
  noticeRetryTicks: 60,
  noticeProofMillis: 2_000,
  /** How long the connection for that is silent before the network is asked, each second then: one that is gone is noticed within ten more. */
  noticeKeepAliveMillis: 2_000,
  /** How long one SQL statement may run, or wait for a lock, and a transaction may sit idle. */
  statementMillis: 15_000,
  lockMillis: 10_000,
  idleTransactionMillis: 30_000,
  /** How long a transaction may take altogether, as this process sees it: then its connection is given up. With the wait for one it bounds every request. */
  transactionMillis: 20_000,
  ownerTransactionMillis: 120_000,
  /** Changes that a floor in memory keeps for those who come back, and their characters of JSON. */
  recentChanges: 1_000,
  recentCharacters: 1_000_000,
  /** Entities of a floor whose last writing is remembered, so that an answer is written anew for those only; and as many more. */
  floorTouches: 1_000,
  /** How long a floor that nobody holds is kept in memory, how many of them with how many characters of JSON, and how often that is looked at. */
  floorIdleMillis: 60_000,
  idleFloors: 1_000,
  idleFloorCharacters: 100_000_000,
  floorSweepMillis: 5_000,
  /** Every socket of the native stream hears a heartbeat this often. */
  streamBeatMillis: 5_000,
  /** How often a socket of the native stream may say hello. */
  streamHelloMillis: 1_000,
  /** Characters of one frame of changes that a device missed. */
  frameCharacters: 256_000,
  /** Pages of the log that devices of a restaurant which come back together share. */
  sharedPages: 8,
  /** A server that stops spreads the return of its sockets over this time. */
  reconnectSpreadMillis: 3_000,
  /** How often a lost connection to Redis, or what is not subscribed there yet, is seen to. */
  redisTendMillis: 500,
  /** Characters of a change that is sent along with the word of it; a larger one is read from the log. */
  hintCharacters: 32_000,
  /** How often word of another epoch is looked into, and it is said in the log that a hint was not sealed. */
  otherEpochMillis: 250,
  hintComplaintMillis: 60_000,
  /** Database connections of housekeeping, apart from those of the requests. */
  housekeepingConnections: 2,
  /** Time limits of its statements: it may work longer, and waits for a lock a moment only, because everyone behind it waits as long. */
  ownerStatementMillis: 60_000,
  ownerLockMillis: 200,
  /** How often housekeeping runs, tries again for a lock and how often, and how long a day to be dropped waits for older readers. */
  housekeepingMillis: 3_600_000,
  housekeepingAttempts: 20,
  housekeepingPauseMillis: 500,
  olderReadersMillis: 60_000,
  /** Days of the log that are made before they come. Each costs a read of the log some microseconds. */
  daysAhead: 7,
  /** Days made in one run beyond those; restaurants whose floor is raised at once; stored answers deleted at once. */
  daysPerRun: 60,
  floorsPerBatch: 200,
  mutationsPerBatch: 2_000,
  /** How often a server looks whether its database is still the same one; how long it waits for another that gives new epochs, and how often. */
  lineageMillis: 5_000,
  lineagePauseMillis: 25,
  lineageAttempts: 400,
  /** How often a server looks whether a newer one has brought logs forward; how many logs one transaction brings forward. */
  logVersionMillis: 2_000,
  logsPerUpgrade: 1_000,
  /** How often a migration is tried that meets others at work, and how long it waits before the next try. */
  migrationAttempts: 50,
  migrationPauseMillis: 200,
  /** How often a transaction has the epochs checked: more than once only where the database recovers again meanwhile. */
  epochChecks: 3,
  /** Changes of a restaurant whose times the hub remembers, to tell a repeated change from another one with its number. */
  deliveredTimes: 200,
  /** How often the heads of watched restaurants are compared with what was delivered. */
  headPollMillis: 1_000,
  /** Only each of so many times where no other process writes and no commit is in doubt. */
  solePollTicks: 10,
  /** Questions where logs end that are under way at once; each is for all who ask meanwhile. */
  headQuestions: 2,
  /** So long after one of them the next may be sent. */
  headSpacingMillis: 2,
  /** Answers smaller than this are not compressed. */
  codedBytes: 1_024,
  /** Answers are handed to Redis when they have stood about so long, and are kept there so long; larger ones aren't. */
  answerStoreMillis: 500,
  answerStoreSeconds: 3_600,
  answerStoreBytes: 2_000_000,
  /** How long a read waits for Redis before it does without. */
  storeMillis: 100,
  /** Characters of a query string whose answer is remembered, and how many such are. */
  rememberedQueryCharacters: 300,
  rememberedQueries: 10_000,
  /** Headers accept-encoding that are read once. */
  rememberedCodings: 1_000,
  /** How long the answer "who is this user" is remembered. */
  identityMillis: 2_000,
  /** How often it is looked whether those who have a socket here may still have one; and the same, in such times, where the database says so when somebody may not. */
  accessReviewMillis: 1_000,
  seldomReviewTicks: 30,
  /** Sign-ins that are asked for at once when that is looked at. */
  reviewIds: 1_000,
  /** Staff of one restaurant. */
  staffPerRestaurant: 1_000,
  /** Failed sign-ins within the window after which both doors ask to wait: of one e-mail and from one address, by strangers; and of one e-mail from where it signed in before. */
  signInFailuresPerEmail: 10,
  signInFailuresPerAddress: 100,
  signInFailuresPerKnown: 30,
  signInFailureWindowMillis: 300_000,
  /** E-mails, addresses and devices whose failures a process remembers. */
  signInFailureKeys: 10_000,
  /** Attempts that wait to see whether those under way fail. */
  attemptsWaiting: 1_000,
  /** How long such a refusal is told again without asking the database. */
  signInRefusalMillis: 10_000,
  /** Sign-ins under way in one process: from where somebody signed in before, and of strangers. */
  signInsAtOnce: { known: 1_000, strangers: 200 },
  /** Addresses remembered of each account, how long, and how often that is noted anew; and how long a device is remembered. */
  knownPlaces: 20,
  knownPlaceMillis: 90 * 86_400_000,
  knownPlaceRenewMillis: 86_400_000,
  deviceCookieMillis: 400 * 86_400_000,
  /** How often a used-up refresh token is taken again while nothing that was given out for it has been used. */
  refreshRepeats: 10,
  /** Characters of a refresh token. */
  refreshTokenCharacters: 200,
  /** How long a sign-in that is over is kept, and how many are deleted at once. */
  endedSignInMillis: 30 * 86_400_000,
  signInsForgottenAtOnce: 1_000,
  /** Entries of the caches of verified tokens and of identities. */
  verifiedTokens: 10_000,
  identities: 10_000,
  /** How long a server that stops leaves connections open that ask nothing: a request may be on its way on them. */
  drainMillis: 2_000,
  /** How long to wait before a process that died is started again, at first and at most. */
  processRetryMillis: 200,
  processRetryMaxMillis: 5_000,
  /** How long a stop waits for requests under way. */
  stopMillis: 5_000,
  /** Password checks at once: each takes 19 MiB for about 12 ms. */
  passwordChecks: 4,
  /** Those that wait for their turn: of staff and of those who signed in before, and of strangers, who come after them. */
  passwordsWaiting: { known: 1_000, strangers: 200 },
  /** Characters of a password; of a new one at the native API at least so many. */
  passwordCharacters: 1_000,
  newPasswordCharacters: 8,
  /** The operations page: a sample this often, so many of them (15 minutes), and a point of a chart tells of so long. */
  opsSampleMillis: 5_000,
  opsSamples: 181,
  opsPointMillis: 10_000,
  /** Its tables: what was counted is noted once a minute, so many times; rows of each, and restaurants. */
  opsLedgerMillis: 60_000,
  opsLedgers: 16,
  opsRows: 100,
  opsRestaurants: 50,
  /** Latest errors that it shows, and characters of each message. */
  opsErrors: 100,
  opsErrorCharacters: 300,
  /** How long a sign-in to it is good for. */
  opsSessionMillis: 12 * 3_600_000,
} as const

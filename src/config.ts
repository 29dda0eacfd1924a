import { randomBytes } from 'node:crypto'
import { isAbsolute, resolve } from 'node:path'
import { z } from 'zod'
import type { ChannelSettings } from './messages/channels/senders.ts'
import { netsOf } from './platform/http/outbound.ts'

/** The only reader of the environment. One table has every setting. */

const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const int = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min, `must be at least ${min}`).max(max, `must be at most ${max}`))

const startOf = (protocol: string): string => (protocol === 'mailto:' ? protocol : `${protocol}//`)

// The host may be empty, when the query names the folder of a unix socket.
const url = (protocols: readonly string[]) =>
  z.string().refine((text) => protocols.some((protocol) => text.startsWith(startOf(protocol))), {
    error: `must be an address that begins with ${protocols.map(startOf).join(' or ')}`,
  })

/** Whether a text is an address or a net of addresses, as `netsOf` takes it. */
const isNet = (text: string): boolean => {
  try {
    netsOf([text])
    return true
  } catch {
    return false
  }
}

/** One setting: how it is parsed, its default, its meaning. */
interface Setting<T> {
  readonly read: z.ZodType<T>
  readonly otherwise: T
  readonly about: string
}
const setting = <T>(read: z.ZodType<T>, otherwise: NoInfer<T>, about: string): Setting<T> => ({
  read,
  otherwise,
  about,
})

const text = z.string().nullable()

const phone = z.string().regex(/^\+?\d{3,20}$/, 'must be a phone number like +4930123456')

/** Every setting, by the name of its environment variable. */
export const settings = {
  DATABASE_URL: setting(
    url(['postgres:', 'postgresql:']).nullable(),
    null,
    'PostgreSQL 15 or later. Without it, QTable runs its own in QTABLE_DATA',
  ),
  REDIS_URL: setting(
    url(['redis:', 'rediss:']).nullable(),
    null,
    'Redis 6.2 or later, or a node of a cluster of version 7. Carries hints of changes between machines; without it they learn of changes within 2 s',
  ),
  SECRET_KEY: setting(
    z.string().min(16, 'must have at least 16 characters').nullable(),
    null,
    'Signs tokens. Required with DATABASE_URL or ENVIRONMENT=production; otherwise generated at the first start and stored in QTABLE_DATA',
  ),
  ALGORITHM: setting(
    z.literal('HS256', { error: 'must be HS256, the only one there is' }),
    'HS256',
    'The algorithm of tokens: HS256 only',
  ),
  ACCESS_TOKEN_EXPIRE_MINUTES: setting(int(1, 525_600), 30, 'Lifetime of an access token'),
  REFRESH_TOKEN_EXPIRE_DAYS: setting(
    int(1, 3_650),
    60,
    'Days without a refresh after which a sign-in of the native API expires',
  ),
  ENVIRONMENT: setting(z.enum(['development', 'production', 'test']), 'development', 'production requires SECRET_KEY'),
  HOST: setting(z.string().min(1), '0.0.0.0', 'Address to listen on; 0.0.0.0 is every address of this machine'),
  PORT: setting(int(0, 65_535), 8000, 'Port to listen on; 0 picks a free one'),
  QTABLE_DATA: setting(z.string().min(1), './data', 'Folder of the embedded database and the generated keys'),
  POOL_SIZE: setting(
    int(1, 500),
    20,
    'Most database connections per process. See docs/operations.md for advice by cores',
  ),
  PREPARED_STATEMENTS: setting(
    z.enum(['on', 'off'], 'must be on or off').transform((word) => word === 'on'),
    true,
    'off for a transaction-mode pooler without named statements (PgBouncer before 1.21)',
  ),
  CACHE_MEGABYTES: setting(int(1, 65_536), 64, 'Memory for ready answers, per process'),
  LOG_LEVEL: setting(
    z.preprocess(
      (level) => String(level).toLowerCase().replace('warning', 'warn').replace('critical', 'fatal'),
      z.enum(LEVELS),
    ),
    'info',
    `One of ${LEVELS.join(', ')}`,
  ),
  OPS_TOKEN: setting(
    z.string().min(16, 'must have at least 16 characters').nullable(),
    null,
    'Opens /metrics and /ops. With the embedded database, the first start generates one and stores it in QTABLE_DATA; otherwise both are closed without it',
  ),
  SLOW_STATEMENT_MILLIS: setting(int(1, 60_000), 200, 'The log names every SQL statement that takes longer'),
  SLOW_STATEMENT_PLANS: setting(
    z.enum(['off', 'on']),
    'off',
    'on also logs the plan of a slow statement, without values',
  ),
  WS_HEARTBEAT_INTERVAL: setting(
    int(1, 3_600),
    35,
    "Seconds of a client's silence after which a socket gets a heartbeat",
  ),
  WS_CONNECTION_TIMEOUT: setting(
    int(1, 3_600),
    20,
    'Seconds without an answer to a ping after which a socket counts as dead',
  ),
  SOCKET_MAX_HOURS: setting(int(1, 720), 12, 'Hours after which a socket is closed and must sign in again'),
  TOKENLESS_SOCKETS: setting(
    z.union([z.enum(['off', 'on']), z.uuid()], { error: 'must be off, on, or the id of a restaurant' }),
    'off',
    'Admits sockets without a token, for old builds of the app: on, or only for the restaurant with this id. Anyone who knows a restaurant id can then receive its floor',
  ),
  CORS_ORIGINS: setting(
    z.string().min(1),
    '*',
    'Origins that browsers may call from, separated by commas; * is any, without credentials',
  ),
  HISTORY_DAYS: setting(int(0, 36_500), 7, 'Lists omit guests whose visit ended longer ago; 0 keeps all'),
  LOG_RETENTION_DAYS: setting(
    int(7, 3_650),
    14,
    'Whole days for which changes and answers of mutations are kept. A device that was away longer fetches the floor again',
  ),
  ADMIN_EMAIL: setting(text, null, 'With ADMIN_PASSWORD: an owner created at start when nobody has this e-mail'),
  ADMIN_PASSWORD: setting(text, null, 'Password of ADMIN_EMAIL'),
  RESTAURANT_NAME: setting(z.string().min(1).max(255), 'My Restaurant', 'Restaurant of ADMIN_EMAIL'),
  SMTP_URL: setting(
    url(['smtp:', 'smtps:']).nullable(),
    null,
    'With MAIL_FROM: the mail server for messages to guests, smtp://user:password@host:587',
  ),
  MAIL_FROM: setting(
    z
      .string()
      .regex(/^(?:[^<>@\r\n]*<)?[^\s@<>]+@[^\s@<>]+>?$/, 'must be an e-mail address, or a name and <address>')
      .nullable(),
    null,
    'Sender of e-mails to guests',
  ),
  SMS_URL: setting(
    url(['https:', 'http:']),
    'https://api.twilio.com',
    "Provider of SMS and WhatsApp with Twilio's API",
  ),
  SMS_ACCOUNT: setting(text, null, 'With SMS_TOKEN: the account at the provider of SMS'),
  SMS_TOKEN: setting(text, null, 'Its token'),
  PUBLIC_URL: setting(
    url(['https:', 'http:']).nullable(),
    null,
    'Where the Internet reaches this server. With SMS_TOKEN, guests may answer SMS: the provider posts to PUBLIC_URL/replies/sms',
  ),
  SMS_FROM: setting(phone.nullable(), null, 'Number that SMS come from'),
  WHATSAPP_FROM: setting(phone.nullable(), null, 'Number that WhatsApp messages come from'),
  PUSH_KEYS: setting(
    z
      .string()
      .regex(/^[A-Za-z0-9_-]{87}:[A-Za-z0-9_-]{43}$/, 'must be a public and a private key of VAPID, with a colon')
      .nullable(),
    null,
    'With PUSH_CONTACT: the keys for web push, public:private, as npx web-push generate-vapid-keys makes them',
  ),
  PUSH_CONTACT: setting(
    url(['mailto:', 'https:']).nullable(),
    null,
    'Whom a push service may write to: mailto:… or https://…',
  ),
  MESSAGE_NETS: setting(
    z.string().transform((list, ctx): readonly string[] => {
      const nets = list.split(',').map((net) => net.trim())
      if (nets.every(isNet)) return nets
      ctx.addIssue('must be nets like 10.1.0.0/16, separated by commas')
      return z.NEVER
    }),
    [],
    'Nets that messages may be sent to though they are not public: 10.1.0.0/16, separated by commas. Webhooks reach nothing else in your network',
  ),
  WEB_CONCURRENCY: setting(
    int(1, 64),
    1,
    'Serving processes, all on one port; the number of cores is a good value. SIGHUP replaces them one by one',
  ),
} as const

type Settings = typeof settings
/** The parsed settings. */
export type Config = { readonly [K in keyof Settings]: Settings[K] extends Setting<infer T> ? T : never }

const PAIRS = [
  ['ADMIN_EMAIL', 'ADMIN_PASSWORD'],
  ['SMTP_URL', 'MAIL_FROM'],
  ['SMS_ACCOUNT', 'SMS_TOKEN'],
  ['PUSH_KEYS', 'PUSH_CONTACT'],
] as const

/** Reads the settings. Returns all problems of an invalid configuration together, one line each. */
export function readConfig(
  env: Readonly<Record<string, string | undefined>>,
): { config: Config } | { problems: string[] } {
  const problems: string[] = []
  const config: Record<string, unknown> = {}
  for (const [name, { read, otherwise }] of Object.entries<Setting<unknown>>(settings)) {
    const given = env[name]
    if (given === undefined || given === '') {
      config[name] = otherwise
      continue
    }
    const parsed = read.safeParse(given)
    if (parsed.success) config[name] = parsed.data
    else problems.push(`${name} ${parsed.error.issues.map((issue) => issue.message).join(', ')}`)
  }
  const needsKey = config['DATABASE_URL']
    ? 'DATABASE_URL is set'
    : config['ENVIRONMENT'] === 'production'
      ? 'ENVIRONMENT is production'
      : null
  if (needsKey && config['SECRET_KEY'] === null)
    problems.push(
      `SECRET_KEY must be given when ${needsKey}, for example: SECRET_KEY=${randomBytes(32).toString('base64url')}`,
    )
  for (const [one, other] of PAIRS)
    if ((config[one] === null) !== (config[other] === null))
      problems.push(`${one} and ${other} go together: give both or none`)
  if (problems.length > 0) return { problems }
  return { config: config as Config }
}

/** The folder of QTABLE_DATA as an absolute path. */
export const dataDirOf = (config: Config, cwd: string): string =>
  isAbsolute(config.QTABLE_DATA) ? config.QTABLE_DATA : resolve(cwd, config.QTABLE_DATA)

/** Times of sockets, in milliseconds. */
export const socketTimes = (config: Config): { heartbeat: number; pingTimeout: number; maxAge: number } => ({
  heartbeat: config.WS_HEARTBEAT_INTERVAL * 1000,
  pingTimeout: config.WS_CONNECTION_TIMEOUT * 1000,
  maxAge: config.SOCKET_MAX_HOURS * 3_600_000,
})

/** The channels that the operator has set up for messages to guests. */
export function channelsOf(config: Config): ChannelSettings {
  const { SMS_ACCOUNT: account, SMS_TOKEN: token, SMS_URL: provider, PUSH_KEYS: keys, PUSH_CONTACT: contact } = config
  const numbered = (from: string | null) =>
    account !== null && token !== null && from !== null ? { url: provider, account, token, from } : null
  const [publicKey = '', privateKey = ''] = keys?.split(':') ?? []
  const { SMTP_URL: mail, MAIL_FROM: sender } = config
  return {
    smtp: mail !== null && sender !== null ? { url: mail, from: sender } : null,
    sms: numbered(config.SMS_FROM),
    whatsapp: numbered(config.WHATSAPP_FROM),
    push: contact !== null && keys !== null ? { publicKey, privateKey, contact } : null,
    allowedNets: config.MESSAGE_NETS,
    isProduction: config.ENVIRONMENT === 'production',
  }
}

import { parseArgs } from 'node:util'
import { isZone } from './old/times.ts'

/** What the operator asked for on the command line. */
export interface Options {
  readonly from: OldAddress
  /** Does everything but keep it. */
  readonly dryRun: boolean
  /** Adds rows that QTable doesn't have to restaurants that it has, and changes none. */
  readonly onlyMissing: boolean
  /** The zone of created_at and updated_at; null asks the old database. */
  readonly timeZone: string | null
}

/** Where the old database is. */
export type OldAddress =
  | { readonly kind: 'postgresql'; readonly url: string }
  | { readonly kind: 'sqlite'; readonly path: string }

export const USAGE = `Copies an old database into QTable's, which the usual settings name (DATABASE_URL, else QTABLE_DATA).

  npm run import -- --from postgresql://user:password@host/database [options]
  npm run import -- --from sqlite:///absolute/path/old.db [options]

  --dry-run            does everything but keep it, and says what would happen
  --time-zone ZONE     the zone that created_at and updated_at are in, for example Europe/Berlin; without it the
                       TimeZone setting of the old PostgreSQL, and UTC for SQLite
  --only-missing       for restaurants that QTable has: adds the rows that it doesn't have, changes none
  --help               this

See docs/moving-over.md.`

/** Reads the command line. Gives 'help', or every problem at once. */
export function readOptions(args: readonly string[]): { options: Options } | { problems: string[] } | 'help' {
  let values
  try {
    values = parseArgs({
      args: [...args],
      options: {
        from: { type: 'string' },
        'dry-run': { type: 'boolean', default: false },
        'only-missing': { type: 'boolean', default: false },
        'time-zone': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return { problems: [(error as Error).message] }
  }
  if (values.help) return 'help'
  const problems: string[] = []
  const from = values.from === undefined ? undefined : addressOf(values.from)
  if (values.from === undefined) problems.push('--from is needed: the address of the old database')
  else if (!from) problems.push('--from must begin with postgresql:// or sqlite:///')
  const timeZone = values['time-zone'] ?? null
  if (timeZone !== null && !isZone(timeZone))
    problems.push(`--time-zone ${timeZone} is no zone that is known here; an example is Europe/Berlin`)
  if (problems.length > 0 || !from) return { problems }
  return { options: { from, dryRun: values['dry-run'], onlyMissing: values['only-missing'], timeZone } }
}

/** An address for people to read: without name, password and parameters. */
export const addressWithoutSecrets = (url: string): string => url.split('?')[0]!.replace(/^(\w+:\/\/).*@/, '$1')

/** An address as old settings have it: also with a driver's name, `postgresql+asyncpg://`, `sqlite+aiosqlite:///`. */
function addressOf(text: string): OldAddress | undefined {
  const m = /^(postgres(?:ql)?|sqlite)(?:\+[a-z0-9]+)?:\/\/(.*)$/.exec(text)
  if (!m) return undefined
  if (m[1] !== 'sqlite') {
    return m[2] === '' ? undefined : { kind: 'postgresql', url: `postgresql://${m[2]}` }
  }
  const path = m[2]!.replace(/^\/+/, '/')
  return path.length > 1 ? { kind: 'sqlite', path } : undefined
}

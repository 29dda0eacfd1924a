import type { Instant } from '../../platform/clock.ts'
import type { Role } from '../../changes/command/command.ts'
import { slugOf } from '../../restaurants/restaurants.ts'
import { Fields } from '../old/fields.ts'
import { idOf } from '../old/ids.ts'
import { wordIn } from './tables.ts'
import type { OldRow } from '../old/database.ts'
import type { Mapped } from '../old/rows.ts'
import { isZone, type Zone } from '../old/times.ts'
import { roleIn } from './vocabulary.ts'

const LONG_AGO = '1970-01-01T00:00:00.000000Z' as Instant

/** A restaurant of the old database as a row of QTable. `isZoneThere` is what the new database says of a zone's name. */
export async function mapRestaurant(
  old: OldRow,
  oldId: string,
  zone: Zone,
  isZoneThere: (name: string) => Promise<boolean>,
): Promise<Mapped & { readonly createdAt: Instant }> {
  const f = new Fields(old, zone)
  const { createdAt, updatedAt } = f.stamps(LONG_AGO)
  const name = f.text('name', 255)
  if (name === null) f.wrong('name is missing', 'named Restaurant')
  const given = f.word('timezone') ?? 'UTC'
  const known = isZone(given) && (await isZoneThere(given))
  if (!known) f.wrong(`timezone ${JSON.stringify(given.slice(0, 40))} is not known`, 'taken as UTC')
  const row = {
    restaurant_id: idOf('restaurants', oldId),
    name: name ?? 'Restaurant',
    slug: slugIn(f, name ?? 'Restaurant'),
    time_zone: known ? given : 'UTC',
    is_active: f.flag('is_active', true),
    created_at: createdAt,
    updated_at: updatedAt,
  }
  return { old, oldId, row, problems: f.problems, lost: f.lost, createdAt }
}

function slugIn(f: Fields, name: string): string {
  const slug = f.text('slug', 100)
  if (slug !== null && slug !== '') return slug
  const made = slugOf(name)
  f.wrong('slug is missing', `made of the name: ${made}`)
  return made
}

/** What becomes of an e-mail: unique in lower case, unique in its exact spelling only, or in use. */
export type EmailPlace = 'lower' | 'exact' | { readonly refused: string }

interface Holder {
  readonly userId: string
  readonly email: string
  readonly isActive: boolean
  readonly createdAt: string
}

/** Settles which user has which e-mail when several have the same: by exact spelling, in all restaurants. Spec: I4. */
export class Emails {
  readonly #groups = new Map<string, Holder[]>()

  add(userId: string, row: OldRow, zone: Zone): void {
    const f = new Fields(row, zone)
    const email = f.text('email', Number.MAX_SAFE_INTEGER)
    if (email === null) return
    const key = email.toLowerCase()
    const { createdAt } = f.stamps(LONG_AGO)
    const holder = { userId, email, isActive: f.flag('is_active', true), createdAt }
    this.#groups.set(key, [...(this.#groups.get(key) ?? []), holder])
  }

  of(userId: string, email: string): EmailPlace {
    const group = this.#groups.get(email.toLowerCase()) ?? []
    if (group.length < 2) return 'lower'
    const order = [...group].sort((a, b) => (precedence(a) < precedence(b) ? -1 : 1))
    const holder = order.find((each) => each.email === email)
    if (holder && holder.userId !== userId)
      return { refused: `the e-mail is the one of user ${holder.userId} too, letter for letter` }
    // Whoever is spelled in lower case must have it; otherwise the one who was first.
    const first = order.find((each) => each.email === each.email.toLowerCase()) ?? order[0]!
    return first.email === email ? 'lower' : 'exact'
  }
}

const precedence = (each: Holder): string => `${each.isActive ? 0 : 1} ${each.createdAt} ${each.userId}`

/** A user of the old database as a row of staff; `email_key` is null where it is the e-mail in lower case. */
export function mapUser(old: OldRow, oldId: string, zone: Zone, otherwise: Instant): Mapped {
  const f = new Fields(old, zone)
  const { createdAt, updatedAt } = f.stamps(otherwise)
  const hash = f.word('password_hash')
  if (hash === null || !/^\$(2[abxy]?|argon2id?)\$/.test(hash))
    f.wrong('password_hash is missing or of an unknown kind', 'kept; nobody can sign in with it')
  const row = {
    id: idOf('users', oldId),
    email: f.text('email', Number.MAX_SAFE_INTEGER) ?? '',
    email_key: null,
    password_hash: (hash ?? '').replaceAll('\u0000', ''),
    first_name: f.text('first_name', 100),
    last_name: f.text('last_name', 100),
    role: wordIn<Role>(f, 'role', roleIn, 'host'),
    is_active: f.flag('is_active', true),
    last_sign_in_at: f.time('last_login_at'),
    created_at: createdAt,
    updated_at: updatedAt,
  }
  return { old, oldId, row, problems: f.problems, lost: f.lost }
}

/** Sees to it that somebody owns the restaurant: else the first manager, else the first of all, of those who may sign in. */
export function ensureOwner(staff: readonly Mapped[]): Mapped | undefined {
  const active = staff.filter(({ row }) => row['is_active'] === true)
  if (active.some(({ row }) => row['role'] === 'owner')) return undefined
  const order = [...active].sort((a, b) => (seniority(a) < seniority(b) ? -1 : 1))
  const [heir] = order
  if (!heir) return undefined
  heir.problems.push({
    wrong: `is ${String(heir.row['role'])}, and the restaurant has no owner who may sign in`,
    done: 'owner now',
  })
  heir.row['role'] = 'owner'
  return heir
}

const seniority = ({ row }: Mapped): string =>
  `${row['role'] === 'manager' ? 0 : 1} ${String(row['created_at'])} ${String(row['id'])}`

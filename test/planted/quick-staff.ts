import type { QuickBug } from './quick.ts'

const review = 'src/staff/access/access-review.ts'
const orders = 'src/staff/access/access-orders.db.test.ts'
const identities = 'src/staff/access/identify.ts'
const remembered = 'src/staff/access/identify.db.test.ts'

/** In `src/staff`: who is forgotten by the review of access, what is remembered too long, races of sign-ins. */
export const staffBugs: readonly QuickBug[] = [
  {
    name: 'the review of access forgets the other sockets of a sign-in',
    edits: [{ file: review, from: '?.filter((one) => one !== access) ?? []', to: '?.slice(0, 0) ?? []' }],
    test: orders,
    named: 'W8: of several sockets',
  },
  {
    name: 'a second socket of a sign-in takes the place of the first in the review',
    edits: [{ file: review, from: 'this.#people.get(key)?.concat(access) ?? [access]', to: '[access]' }],
    test: orders,
    named: 'W8: of several sockets',
  },
  {
    name: 'of several sockets of one sign-in only one is closed',
    edits: [{ file: review, from: 'for (const access of over) {', to: 'for (const access of over.slice(0, 1)) {' }],
    test: orders,
    named: 'W8: of several sockets',
  },
  {
    name: 'who came during a look is closed by what it says of those before',
    edits: [
      {
        file: review,
        from: 'const over = open.filter((access) => this.#people.get(key)?.includes(access))',
        to: 'const over = this.#people.get(key) ?? open',
      },
    ],
    test: orders,
    named: 'W8: who comes or goes during a look',
  },
  {
    name: 'a look that failed is not made up for',
    edits: [
      { file: review, from: '        this.#everyone = true\n        this.#log.warn', to: '        this.#log.warn' },
    ],
    test: orders,
    named: 'W8: a look that failed',
  },
  {
    name: 'what is said of no restaurant in particular is not heard',
    edits: [
      {
        file: review,
        from: "if (restaurantId === '') this.#everyone = true\n    else this",
        to: "if (restaurantId !== '') this",
      },
    ],
    test: orders,
    named: 'W8: what is said of a restaurant',
  },
  {
    name: 'an identity is remembered a moment too long',
    edits: [
      {
        file: identities,
        from: 'if (known && known.until > now) return known.proven',
        to: 'if (known && known.until >= now) return known.proven',
      },
    ],
    test: remembered,
    named: 'A7: an identity is remembered',
  },
  {
    name: 'a repeated read asks nobody how old what it remembers is',
    edits: [{ file: identities, from: 'known.until > this.#nowMillis() && known.found', to: 'known.found' }],
    test: remembered,
    named: 'A7: an identity is remembered',
  },
  {
    name: 'of a person only what belongs to no sign-in is forgotten',
    edits: [{ file: identities, from: 'if (known.staffId === staffId) this', to: 'if (key === staffId) this' }],
    test: remembered,
    named: 'A7: what is forgotten',
  },
  {
    name: 'the owners are not locked while one of them is taken away',
    edits: [
      {
        file: 'src/staff/members.ts',
        from: "(role = 'owner' and is_active)) order by id for update`",
        to: "(role = 'owner' and is_active)) order by id`",
      },
    ],
    test: 'src/staff/staff.db.test.ts',
    named: 'A10',
  },
  {
    name: 'a sign-in that began with the old password is stored after the new one',
    edits: [
      {
        file: 'src/staff/sign-ins/sign-ins.ts',
        from: 's.password_hash = $3 and s.is_active',
        to: '$3::text is not null and s.is_active',
      },
    ],
    test: 'src/staff/sign-ins/sign-in-races.db.test.ts',
    named: 'A5, A11',
  },
]

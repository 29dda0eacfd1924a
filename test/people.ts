import pg from 'pg'
import { newId } from '../src/platform/ids.ts'
import { keysOf } from '../src/people/contact-keys.ts'
import { piecesOf, wordsOf } from '../src/people/search-text.ts'

/** Many people for tests of the guest book, stored without commands. */

export interface Crowded {
  readonly id: string
  readonly firstName: string
  readonly lastName: string
  readonly phone: string
  readonly email: string | null
}

const FIRST =
  `Ada Ben Chiara Dmitri Elif Fatima Giulia Hans Ines João Karin Łukasz Mária Noah Ólafur Priya Quentin Rosa Sven
Tomás Ulla Viktor Wei Xenia Yusuf Zoë Anna Maria Anne-Marie Johannes Christian Alexandra Michael Thomas Sofia Elena`.split(
    /\s+/,
  )
const STARTS = `Schmi Mül Fisch Wag Beck Hoff Schäf Ko Rich Klei Wol Schrö Neu Schwar Zim Brau Krü Hart Lang Wern Krau
Leh Mey Sch Köh Herr Wal Kai Fuch Pet Scho Möl Weiß Jun Hah Kel Vog Frie Gün`.split(/\s+/)
const MIDDLES = 'te el er ner mann ler ing bach ert ow ski sen dorf stein berg wald feld'.split(' ')
const ENDS = ['', 'r', 's', 'e', 'mann', 'er', 'in', 'a', 'ová', 'son', 'y']

/** So many people with names as they are spread in a town, and a phone number each. */
export function crowd(count: number, random: () => number): Crowded[] {
  // Some names are common.
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() ** 2 * list.length)]!
  return Array.from({ length: count }, (_, n) => ({
    id: newId(),
    firstName: pick(FIRST),
    lastName: pick(STARTS) + pick(MIDDLES) + pick(ENDS),
    phone: `+49 17${Math.floor(random() * 10)} ${String(1_000_000 + ((n * 7_919) % 9_000_000))}`,
    email: n % 3 === 0 ? `person-${n}@guest.example` : null,
  }))
}

const PAGE = 2_000
const MANY = 20_000
const INDEX = `select pg_get_indexdef('people_index_pieces'::regclass) as sql`

const INSERTS = [
  `insert into people (restaurant_id, id, first_name, last_name, phone, email, is_vip, tags, dietary_needs, allergies,
     earlier_visits, created_at, updated_at)
   select $1, (e->>'id')::uuid, e->>'firstName', e->>'lastName', e->>'phone', e->>'email', false, '{}', '{}', '{}', 0, now(), now()
   from json_array_elements($2::json) e`,
  `insert into person_keys (restaurant_id, key, person_id)
   select $1, key, (e->>'id')::uuid from json_array_elements($2::json) e, json_array_elements_text(e->'keys') key
   on conflict do nothing`,
  `insert into people_index (restaurant_id, person_id, updated_at, words, pieces)
   select $1, (e->>'id')::uuid, now(), e->>'words', array(select p::int from json_array_elements_text(e->'pieces') p)
   from json_array_elements($2::json) e`,
]

/** Stores people of a restaurant as the commands would, with ids of their own for each restaurant. */
export async function storeCrowd(url: string, restaurantId: string, people: readonly Crowded[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('set search_path to qtable')
    const { rows: made } = await client.query<{ sql: string }>(INDEX)
    // An index over many rows is made much faster than it grows.
    const isMadeAnew = people.length > MANY
    if (isMadeAnew) await client.query('drop index people_index_pieces')
    for (let from = 0; from < people.length; from += PAGE) {
      const rows = people.slice(from, from + PAGE).map((person) => {
        const words = wordsOf(person)
        return { ...person, id: newId(), keys: keysOf(person), words, pieces: piecesOf(restaurantId, words) }
      })
      for (const sql of INSERTS) await client.query(sql, [restaurantId, JSON.stringify(rows)])
    }
    if (isMadeAnew) await client.query(made[0]!.sql)
    await client.query('analyze people, person_keys, people_index')
  } finally {
    await client.end()
  }
}

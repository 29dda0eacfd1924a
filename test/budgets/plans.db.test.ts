import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import '../../src/app.ts'
import '../../src/serve.ts'
import '../../src/start-housekeeping.ts'
import { nouns } from '../../src/floor/nouns.ts'
import { columnOf, type Field } from '../../src/platform/field.ts'
import { declaredStatements, type Statement } from '../../src/platform/database/db.ts'
import { openDatabase, type TestDatabase } from '../kit.ts'
import { upTo } from '../patience.ts'

/** Restaurants with a history, guests of each, and restaurants that only are there. `PLAN_GUESTS=5000` is the size that a release is proven with. */
const BUSY = 200
const GUESTS = Number(process.env['PLAN_GUESTS'] ?? 500)
const QUIET = 5_000

/** A value of a field as SQL. */
function valueOf({ is, isNullable }: Field<unknown>): string {
  if (isNullable) return 'null'
  switch (is.type) {
    case 'text':
      return `g::text`
    case 'integer':
      return `${Math.max(is.min, 0)}`
    case 'number':
      return `${is.max}`
    case 'choice':
      return `'${is.of[0]}'`
    case 'id':
      return 'gen_random_uuid()'
    case 'instant':
      return 'now()'
    case 'flag':
      return 'false'
    case 'shape':
      return `'[]'`
    case 'ids':
    case 'texts':
    default:
      return `'{}'`
  }
}

/** Rows of a kind that is filled by its fields alone: not these, whose rows hang together, or are one a restaurant. */
const FILLED = ['settings', 'staff', 'turn', 'table', 'guest', 'reservation']
const rowsOf = ({ table, fields }: (typeof nouns)[number]) =>
  `insert into ${table} (restaurant_id, id, ${Object.keys(fields).map(columnOf).join(', ')}, created_at, updated_at)
   select id, gen_random_uuid(), ${Object.values<Field<unknown>>(fields).map(valueOf).join(', ')}, now(), now()
   from r, generate_series(1, 100) g where n <= ${BUSY};`

const fill = `
set search_path to qtable;
create temp table r as select n, lpad(n::text, 32, '0')::uuid as id from generate_series(1, ${BUSY + QUIET}) n;
insert into restaurants (restaurant_id, name, slug, created_at, updated_at) select id, n::text, n::text, now(), now() from r;
insert into heads (restaurant_id, epoch, last_at) select id, id, now() from r;
insert into staff (restaurant_id, id, email, email_key, password_hash, role, created_at, updated_at)
  select id, gen_random_uuid(), n || '@a', n || '@a', '', 'owner', now(), now() from r;
insert into sign_ins (restaurant_id, id, staff_id, created_at, used_at, expires_at, token_hash)
  select restaurant_id, gen_random_uuid(), id, now(), now(), now() + interval '1 day', sha256(email::bytea) from staff;
insert into devices (restaurant_id, id, name, checks_pins_offline, added_by, code_hash, code_expires_at, created_at, updated_at)
  select restaurant_id, gen_random_uuid(), 'Host stand', false, id, sha256(email::bytea), now(), now(), now() from staff;
insert into pin_tries (restaurant_id, device_id, staff_id, failures, tried_at)
  select d.restaurant_id, d.id, d.added_by, 1, now() from devices d;
insert into known_places (restaurant_id, staff_id, place, used_at)
  select restaurant_id, id, substr(sha256((email || g)::bytea), 1, 16), now() from staff, generate_series(1, 3) g;
insert into failed_attempts (key, failures, since)
  select substr(sha256(g::text::bytea), 1, 16), 1, now() - g * interval '1 second' from generate_series(1, 20000) g;
insert into tables (restaurant_id, id, number, capacity, x, y, shape, status, created_at, updated_at)
  select id, gen_random_uuid(), g::text, 4, 0, 0, 'round', 'available', now(), now() from r, generate_series(1, 100) g where n <= ${BUSY};
${nouns
  .filter(({ kind }) => !FILLED.includes(kind))
  .map(rowsOf)
  .join('\n')}
insert into guests (restaurant_id, id, first_name, last_name, party_size, status, ended_at, created_at, updated_at)
  select id, gen_random_uuid(), 'Ada', 'Okoro', 2, case when g % 50 = 0 then 'waitlist' else 'finished' end,
    case when g % 50 = 0 then null else now() - g * interval '10 minutes' end, now() - g * interval '10 minutes', now()
  from r, generate_series(1, ${GUESTS}) g where n <= ${BUSY};
insert into reservations (restaurant_id, id, guest_name, party_size, status, ended_at, reservation_time, created_at, updated_at)
  select id, gen_random_uuid(), 'Ada', 2, case when g % 50 = 0 then 'waitlist' else 'finished' end,
    case when g % 50 = 0 then null else now() - g * interval '10 minutes' end, now(), now() - g * interval '10 minutes', now()
  from r, generate_series(1, ${GUESTS / 5}) g where n <= ${BUSY};
insert into people (restaurant_id, id, first_name, last_name, is_vip, tags, dietary_needs, allergies, earlier_visits, created_at, updated_at)
  select id, gen_random_uuid(), 'Ada', 'Okoro', false, '{}', '{}', '{}', 0, now(), now() from r, generate_series(1, 300) g where n <= ${BUSY};
insert into person_keys (restaurant_id, key, person_id) select restaurant_id, 'mailto:' || id, id from people;
insert into people_index (restaurant_id, person_id, updated_at, words, pieces)
  select restaurant_id, id, now(), ' ada okoro', array(select hashtext(id::text || n) % 100000 from generate_series(1, 20) n) from people;
insert into turns (restaurant_id, id, log_means, visits, log_variance, created_at, updated_at)
  select id, id, '[]', '[]', 0.1, now(), now() from r;
insert into counted_visits (restaurant_id, until) select id, now() - interval '1 day' from r;
insert into visit_slots (restaurant_id, day, slot, size, parties, covers, reserved, stays, stay_minutes, stay_logs, stay_squares,
    odd_stays, waits, wait_minutes, no_shows, walk_aways, cancelled)
  select id, current_date - g / 20, g % 20, 2, 1, 2, 0, 1, 45, 3.8, 14.4, 0, 1, 5, 0, 0, 0 from r, generate_series(1, ${GUESTS}) g where n <= ${BUSY};
insert into table_days (restaurant_id, day, table_id, number, seats, parties, minutes)
  select id, current_date - g, gen_random_uuid(), '1', 4, 5, 200 from r, generate_series(1, 100) g where n <= ${BUSY};
insert into person_merges (restaurant_id, id, survivor_id, absorbed_id, at, record)
  select restaurant_id, id, id, id, now(), '{}' from people;
update people set merged_into = id where id::text like '0%';
insert into changes (restaurant_id, seq, epoch, at, command, entries)
  select id, g, id, now(), 'add-guest', '[]' from r, generate_series(1, 300) g where n <= ${BUSY};
insert into mutations (restaurant_id, mutation_id, fingerprint, at)
  select id, g::text, '', now() from r, generate_series(1, 200) g where n <= ${BUSY};
insert into tombstones (restaurant_id, kind, id, at)
  select id, 'guest', gen_random_uuid(), now() from r, generate_series(1, 100) g where n <= ${BUSY};
insert into message_lanes (restaurant_id, channel, last_position, waiting, due_at)
  select id, channel, ${GUESTS}, 1, case when n % 50 = 0 then now() end from r, unnest(array['sms', 'email']) channel;
insert into message_settings (restaurant_id, hourly_limit, updated_at) select id, 200, now() from r;
insert into message_templates (restaurant_id, template, language, subject, body, updated_at)
  select id, 'table-ready', language, '', '', now() from r, unnest(array['en', 'de']) language;
insert into guest_links (restaurant_id, id, guest_id, token_hash, created_at)
  select restaurant_id, gen_random_uuid(), id, sha256(id::text::bytea), now() from guests;
insert into messages (restaurant_id, id, channel, position, guest_id, recipient, template, variables, is_urgent, status, settled_at, expires_at, created_at)
  select id, gen_random_uuid(), 'sms', g, gen_random_uuid(), '+49', 'table-ready', '{}', true,
    case when g % 50 = 0 then 'waiting' when g % 50 = 1 then 'undelivered' else 'sent' end,
    case when g % 50 = 0 then null else now() - g * interval '10 minutes' end, now(), now() - g * interval '10 minutes'
  from r, generate_series(1, ${GUESTS}) g where n <= ${BUSY};
analyze`

const scope = `select set_config('search_path', 'qtable, pg_temp', true), set_config('qtable.restaurant_id', lpad('7', 32, '0')::uuid::text, true),
  set_config('qtable.staff_id', '', true), set_config('qtable.email', '', true), set_config('qtable.watched', '', true),
  set_config('qtable.watched_staff', '', true), set_config('qtable.forgotten_before', (now() - interval '30 days')::text, true), set_config('qtable.due_before', now()::text, true), set_config('qtable.pairing', '', true), set_config('qtable.replied_by', '+49', true), set_config('timezone', 'UTC', true)`

/** Statements that do read a table from end to end, and why they may. */
const allowed: Readonly<Record<string, string>> = {}

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly Plans?: readonly Plan[]
}

let database: TestDatabase
let client: pg.Client

beforeAll(async () => {
  database = await openDatabase(1)
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(fill)
}, upTo(300_000))
afterAll(async () => {
  await client.end()
  await database.close()
})

/** Statements whose indexes pay with some values only: pages of a restaurant that has many, what few of many are over, what is old. */
const withValues: Readonly<Record<string, string>> = {
  'list-reservations': `lpad('7', 32, '0')::uuid, null, null, null, null, null, 50`,
  'delete-forgotten-sign-ins': `now() - interval '30 days', 1000`,
  'search-people': `lpad('7', 32, '0')::uuid, '{1,2,3}', '{%ada%}', 1000, 20`,
  'delete-forgotten-messages': `now() - interval '30 days', 1000`,
  'forget-mutations': `now() - interval '3 days', 1000`,
}

/** What makes the indexes pay that are of no use to a small table: years of reservations, of sign-ins, of mutations. */
const years = `
insert into reservations (restaurant_id, id, guest_name, party_size, status, ended_at, reservation_time, created_at, updated_at)
  select lpad('7', 32, '0')::uuid, gen_random_uuid(), 'Ada', 2, 'finished', now() - g * interval '1 hour', now(), now() - g * interval '1 hour', now()
  from generate_series(1, 20000) g;
insert into sign_ins (restaurant_id, id, staff_id, created_at, used_at, expires_at, token_hash)
  select restaurant_id, gen_random_uuid(), id, now(), now(), now() - interval '31 days' + g * interval '3 days', sha256((email || g)::bytea) from staff, generate_series(1, 20) g;
insert into messages (restaurant_id, id, channel, position, recipient, template, variables, is_urgent, status, settled_at, expires_at, created_at)
  select lpad('7', 32, '0')::uuid, gen_random_uuid(), 'email', g, '', 'table-ready', '{}', true, 'sent',
    now() - interval '31 days' + g * interval '2 minutes', now(), now() from generate_series(1, 20000) g;
insert into mutations (restaurant_id, mutation_id, fingerprint, at)
  select lpad('7', 32, '0')::uuid, 'm' || g, '', now() - (300000 - g) * interval '1 second' from generate_series(1, 300000) g;
analyze`

/** Indexes that a plan was seen to use. */
const used = new Set<string>()

const indexesOf = (plan: Plan): string[] => [
  ...(plan['Index Name'] === undefined ? [] : [plan['Index Name']]),
  ...(plan.Plans ?? []).flatMap(indexesOf),
]

/** The tables that a statement reads from end to end, as the server plans it for any values under the walls of one restaurant. */
async function scanned({ name, text }: Statement): Promise<string[]> {
  return readWhole(await explained(name, `explain (generic_plan, format json) ${text}`))
}

/** Plans a statement for these values. */
async function planned(name: string, values: string): Promise<void> {
  const { text } = declaredStatements().find((each) => each.name === name)!
  await client.query(`prepare planned as ${text}`)
  try {
    await explained(name, `explain (format json) execute planned (${values})`)
  } finally {
    await client.query('deallocate planned')
  }
}

/** The plan of a statement under the walls of one restaurant, or of none where housekeeping runs it. */
async function explained(name: string, explain: string): Promise<Plan> {
  const asOwner = /owner|housekeeping|retention|day|lineage|guard|forget-mutations|^begin$/.test(name)
  await client.query('begin')
  try {
    if (!asOwner) await client.query(`set local role qtable_app`)
    await client.query(scope)
    await client.query('set local plan_cache_mode = force_custom_plan')
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(explain)
    const plan = rows[0]!['QUERY PLAN'][0].Plan
    for (const index of indexesOf(plan)) used.add(index)
    return plan
  } finally {
    await client.query('rollback')
  }
}

// A day of the log that holds nothing is not worth its index.
const isEmptyDay = (table: string): boolean =>
  /^changes_(\d{8}|other_days)$/.test(table) &&
  table !== `changes_${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`

// Catalogues of the system, and what has one row.
const isNobodys = (table: string): boolean => table.startsWith('pg_') || table === 'lineage' || table === 'epoch_guard'

function readWhole(plan: Plan): string[] {
  const own = plan['Node Type'] === 'Seq Scan' ? [plan['Relation Name'] ?? ''] : []
  return [...own, ...(plan.Plans ?? []).flatMap(readWhole)].filter((table) => !isEmptyDay(table) && !isNobodys(table))
}

test('P21: no statement reads a table from end to end', async () => {
  const found: Record<string, unknown> = {}
  for (const each of declaredStatements()) {
    if (each.name in allowed) continue
    const tables = await scanned(each).catch((error: Error) => error.message)
    if (tables.length > 0) found[each.name] = tables
  }
  expect(found).toEqual({})
})

test('P21: every index that keeps no rule is used by a statement', { timeout: upTo(120_000) }, async () => {
  await client.query(years)
  for (const each of declaredStatements()) await scanned(each).catch(() => undefined)
  for (const [name, values] of Object.entries(withValues)) await planned(name, values)
  // A day of the log has the indexes of the whole log under names of its own; an index that is unique, or that a constraint needs, is kept for that.
  const indexes = await database.sql<{ name: string; parts: string[] }>(
    `select c.relname as name, array(select p.relid::regclass::text from pg_partition_tree(c.oid) p) as parts
     from pg_index i join pg_class c on c.oid = i.indexrelid
     where c.relnamespace = 'qtable'::regnamespace and not i.indisunique and not c.relispartition
       and not exists (select from pg_constraint k where k.conindid = c.oid)`,
  )
  const isUsed = ({ name, parts }: { name: string; parts: string[] }) =>
    [name, ...parts].some((part) => used.has(part.replace(/^qtable\./, '')))
  expect(indexes.length).toBeGreaterThan(0)
  expect(indexes.filter((index) => !isUsed(index)).map(({ name }) => name)).toEqual([])
})

test('P21: a missing index is caught', async () => {
  await database.sql('alter table qtable.guests drop constraint guests_pkey cascade')
  const lock = declaredStatements().find(({ name }) => name === 'read-guest')!
  expect(await scanned(lock)).toEqual([])
  await database.sql('drop index qtable.guests_current, qtable.guests_newest')
  await database.sql(
    'alter table qtable.guests drop constraint guests_table_key, drop constraint guests_pair_key cascade',
  )
  expect(await scanned(lock)).toEqual(['guests'])
})

-- The start: restaurants, staff, tables, guests, and the change log.
--
-- Every table but the migrator's own holds rows of restaurants, has restaurant_id first in its key, and forces row level
-- security: a transaction that has not named its restaurant sees no row and writes none. The server works as qtable_app,
-- which owns nothing; the role that migrates owns everything.

create function current_restaurant() returns uuid language sql stable parallel safe
  return nullif(current_setting('qtable.restaurant_id', true), '')::uuid;

-- ---------------------------------------------------------------- restaurants and staff

create table restaurants (
  restaurant_id uuid primary key,
  name text not null check (char_length(name) <= 255),
  slug text not null unique check (char_length(slug) between 1 and 100),
  time_zone text not null default 'UTC',
  is_active boolean not null default true,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create table staff (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  email text not null check (char_length(email) <= 255),
  -- What must be unique: the address in lower case. Accounts brought over from elsewhere that differ only in case keep
  -- their exact spelling here, so both still sign in.
  email_key text not null,
  password_hash text not null,
  first_name text check (char_length(first_name) <= 100),
  last_name text check (char_length(last_name) <= 100),
  role text not null check (role in ('owner', 'manager', 'host')),
  is_active boolean not null default true,
  last_sign_in_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (restaurant_id, id),
  constraint staff_id_key unique (id),
  constraint staff_email_key unique (email_key)
);

create index staff_by_email on staff (email);

-- ---------------------------------------------------------------- the floor

create table tables (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  number text not null check (char_length(number) <= 20),
  capacity integer not null,
  x double precision not null check (x between 0 and 1),
  y double precision not null check (y between 0 and 1),
  shape text not null check (shape in ('round', 'square', 'rectangle', 'oval')),
  section text check (char_length(section) <= 100),
  status text not null check (status in ('available', 'occupied', 'reserved', 'out_of_service', 'needs_cleaning')),
  guest_id uuid,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (restaurant_id, id),
  constraint tables_number_key unique (restaurant_id, number),
  constraint tables_guest_key unique (restaurant_id, guest_id),
  constraint tables_pair_key unique (restaurant_id, id, guest_id),
  constraint tables_free_is_empty check (status <> 'available' or guest_id is null)
);

create table guests (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  first_name text not null check (char_length(first_name) <= 100),
  last_name text not null check (char_length(last_name) <= 100),
  email text check (char_length(email) <= 255),
  phone text check (char_length(phone) <= 20),
  party_size integer not null check (party_size >= 1),
  status text not null check (status in ('waitlist', 'confirmed', 'running_late', 'arrived', 'partially_arrived',
    'seated', 'finished', 'cancelled', 'no_show')),
  table_id uuid,
  reservation_time timestamptz,
  check_in_time timestamptz,
  seated_time timestamptz,
  finished_time timestamptz,
  -- When the server recorded the end of the visit, whatever times a client sent.
  ended_at timestamptz,
  dietary_restrictions text[] not null default '{}',
  special_requests text,
  notes text,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (restaurant_id, id),
  -- One party at a table, whatever the code does.
  constraint guests_table_key unique (restaurant_id, table_id),
  constraint guests_pair_key unique (restaurant_id, table_id, id),
  constraint guests_ended_at_matches check ((ended_at is not null) = (status in ('finished', 'cancelled', 'no_show')))
);

-- A guest and a table are one pair: a guest is at a table exactly when that table names the guest. Checked at commit,
-- because two statements are needed to make or break a pair.
alter table guests add constraint guests_pair foreign key (restaurant_id, table_id, id)
  references tables (restaurant_id, id, guest_id) deferrable initially deferred;
alter table tables add constraint tables_pair foreign key (restaurant_id, id, guest_id)
  references guests (restaurant_id, table_id, id) deferrable initially deferred;

-- The lists: guests whose visit is not over, or ended lately, newest first; and everyone.
create index guests_current on guests (restaurant_id, (coalesce(ended_at, 'infinity')));
create index guests_newest on guests (restaurant_id, created_at desc, id desc);

-- ---------------------------------------------------------------- the change log

-- One row a restaurant. Its lock, taken last and held to commit, makes commit order the order of seq.
create table heads (
  restaurant_id uuid primary key references restaurants,
  epoch uuid not null,
  seq bigint not null default 0 check (seq >= 0),
  floor bigint not null default 0 check (floor >= 0),
  last_at timestamptz not null
);

create table changes (
  restaurant_id uuid not null references restaurants,
  seq bigint not null check (seq > 0),
  epoch uuid not null,
  at timestamptz not null,
  command text not null,
  mutation_id text check (char_length(mutation_id) <= 200),
  actor_id uuid,
  device text check (char_length(device) <= 200),
  -- json, not jsonb: read back letter for letter, and never searched.
  entries json not null,
  primary key (restaurant_id, seq)
);

create index changes_by_time on changes (restaurant_id, at);

-- What each mutation answered, so that a repeat gets the same answer and has no second effect.
create table mutations (
  restaurant_id uuid not null references restaurants,
  mutation_id text not null check (char_length(mutation_id) <= 200),
  fingerprint text not null,
  outcome json,
  seq bigint,
  at timestamptz not null,
  primary key (restaurant_id, mutation_id)
);

-- Every deletion there ever was, apart from the log, which is shortened.
create table tombstones (
  restaurant_id uuid not null references restaurants,
  kind text not null,
  id uuid not null,
  at timestamptz not null,
  primary key (restaurant_id, kind, id)
);

-- ---------------------------------------------------------------- walls

do $$
declare name text;
begin
  foreach name in array array['restaurants', 'staff', 'tables', 'guests', 'heads', 'changes', 'mutations', 'tombstones'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own_restaurant on %I using (restaurant_id = current_restaurant())
      with check (restaurant_id = current_restaurant())', name);
  end loop;
end $$;

-- Before the restaurant is known there are two ways in, both for reading single rows of staff: the e-mail that signs in,
-- and the id that a token names.
create policy signing_in on staff for select using (
  email = nullif(current_setting('qtable.email', true), '')
  or email_key = lower(nullif(current_setting('qtable.email', true), '')));
create policy identified on staff for select using (
  id = nullif(current_setting('qtable.staff_id', true), '')::uuid);

-- ... and with it the restaurant that the row belongs to: whoever sees a row of staff may see its restaurant.
create policy of_visible_staff on restaurants for select using (restaurant_id in (select s.restaurant_id from staff s));

-- The heads of the restaurants that this process has sockets for, asked for together.
create policy watched on heads for select using (
  restaurant_id = any (string_to_array(nullif(current_setting('qtable.watched', true), ''), ',')::uuid[]));

grant select, insert, update on restaurants, staff, heads, mutations to qtable_app;
grant select, insert, update, delete on tables, guests to qtable_app;
grant select, insert on changes, tombstones to qtable_app;

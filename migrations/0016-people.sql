-- The guest book: people across their visits. They are no entities of the stream: there may be 200,000 of one restaurant.

create table people (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  first_name text not null check (char_length(first_name) <= 100),
  last_name text not null check (char_length(last_name) <= 100),
  phone text check (char_length(phone) <= 20),
  email text check (char_length(email) <= 255),
  is_vip boolean not null,
  tags text[] not null,
  dietary_needs text[] not null,
  allergies text[] not null,
  seating_preference text,
  birthday text check (birthday ~ '^(\d{4}-)?\d\d-\d\d$'),
  notes text,
  consent_at timestamptz,
  earlier_visits integer not null check (earlier_visits >= 0),
  -- Whom it was merged into, as long as that is not undone.
  merged_into uuid,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (restaurant_id, id),
  constraint people_merged_into foreign key (restaurant_id, merged_into) references people (restaurant_id, id) on delete cascade
);

-- What people are joined by: `tel:+4930123456`, `mailto:ada@example.org`. One person may have several of each.
create table person_keys (
  restaurant_id uuid not null,
  key text not null check (char_length(key) <= 300),
  person_id uuid not null,
  primary key (restaurant_id, key),
  constraint person_keys_person foreign key (restaurant_id, person_id) references people (restaurant_id, id) on delete cascade
);
create index person_keys_by_person on person_keys (restaurant_id, person_id);

-- The words that a person is found by, and the numbers of their pieces (src/people/search-text.ts).
create table people_index (
  restaurant_id uuid not null,
  person_id uuid not null,
  words text not null,
  pieces integer[] not null,
  primary key (restaurant_id, person_id),
  constraint people_index_person foreign key (restaurant_id, person_id) references people (restaurant_id, id) on delete cascade
);
create index people_index_pieces on people_index using gin (pieces) with (fastupdate = off);

do $$
declare name text;
begin
  foreach name in array array['people', 'person_keys', 'people_index'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own_restaurant on %I using (restaurant_id = current_restaurant())
      with check (restaurant_id = current_restaurant())', name);
  end loop;
end $$;

grant select, insert, update, delete on people, person_keys, people_index to qtable_app;

-- PostgreSQL looks nothing up in a GIN index below row-level security: it takes `@>` for something that may leak. The view
-- says itself that it shows the own restaurant only; its owner may read all rows.
create view found_people as
  select person_id, words, pieces from people_index where restaurant_id = current_restaurant();
grant select on found_people to qtable_app;

create or replace function claim_housekeeping() returns void language plpgsql set search_path from current as $$
declare part regclass;
begin
  if not row_security_active('heads') then return; end if;
  for part in
    select c.oid from pg_class c
    where c.oid in ('heads'::regclass, 'mutations'::regclass, 'changes'::regclass, 'people_index'::regclass)
       or c.oid in (select inhrelid from pg_inherits where inhparent = 'changes'::regclass)
  loop
    if not exists (select from pg_policy
      where polrelid = part and polname = 'housekeeping' and (select oid from pg_roles where rolname = current_user) = any (polroles))
    then perform let_housekeeping(part); end if;
  end loop;
end $$;
select let_housekeeping('people_index');

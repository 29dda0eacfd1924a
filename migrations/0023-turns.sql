-- Turn times: one row a restaurant, made from the visits that are over.
create table turns (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  log_means json not null,
  visits json not null,
  log_variance double precision not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (restaurant_id, id),
  constraint turns_one_row check (id = restaurant_id)
);

-- How far the visits of a restaurant are counted: those that ended before.
create table counted_visits (
  restaurant_id uuid primary key references restaurants,
  until timestamptz not null
);

-- Visits that are over, counted by the service day and the half hour in which they began, and by party size. So a year
-- is read without its visits. It holds nothing of a person.
create table visit_slots (
  restaurant_id uuid not null references restaurants,
  day date not null,
  slot smallint not null check (slot between 0 and 47),
  size smallint not null check (size between 1 and 9),
  -- Parties that sat down, their people, and how many of the parties had reserved.
  parties integer not null,
  covers bigint not null,
  reserved integer not null,
  -- Stays that count: how many, their minutes, the logarithms of those and their squares; and those that do not count.
  stays integer not null,
  stay_minutes double precision not null,
  stay_logs double precision not null,
  stay_squares double precision not null,
  odd_stays integer not null,
  -- Parties that waited, and their minutes.
  waits integer not null,
  wait_minutes double precision not null,
  -- Parties that never sat down.
  no_shows integer not null,
  walk_aways integer not null,
  cancelled integer not null,
  primary key (restaurant_id, day, slot, size)
);

-- What each table was used for on a service day. `number`, `seats` and `section` are as they were last on that day.
create table table_days (
  restaurant_id uuid not null references restaurants,
  day date not null,
  table_id uuid not null,
  number text not null,
  seats integer not null,
  section text,
  parties integer not null,
  minutes double precision not null,
  primary key (restaurant_id, day, table_id)
);

do $$
declare name text;
begin
  foreach name in array array['turns', 'counted_visits', 'visit_slots', 'table_days'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own_restaurant on %I using (restaurant_id = current_restaurant())
      with check (restaurant_id = current_restaurant())', name);
    execute format('grant select, insert, update on %I to qtable_app', name);
  end loop;
end $$;

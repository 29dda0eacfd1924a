-- Servers, sections and saved section plans. A table names its section and the server who gets the next party there; a party
-- names the server who got it. Those are facts of a moment: a server or a section may go, so no foreign keys.
create table servers (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  name text not null check (char_length(name) <= 100),
  staff_id uuid,
  joined_at timestamptz,
  cut_at timestamptz,
  skipped_at timestamptz,
  skip_reason text check (char_length(skip_reason) <= 200),
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (restaurant_id, id)
);

create table sections (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  name text not null check (char_length(name) <= 100),
  colour text check (char_length(colour) <= 20),
  server_id uuid,
  is_open boolean not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (restaurant_id, id)
);

create table plans (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  name text not null check (char_length(name) <= 60),
  period text check (char_length(period) <= 60),
  -- json, not jsonb: read back letter for letter, and never searched.
  sections json not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (restaurant_id, id)
);

alter table tables add column section_id uuid, add column server_id uuid;
alter table guests add column server_id uuid;
alter table reservations add column server_id uuid;

do $$
declare name text;
begin
  foreach name in array array['servers', 'sections', 'plans'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy own_restaurant on %I using (restaurant_id = current_restaurant())
      with check (restaurant_id = current_restaurant())', name);
    execute format('grant select, insert, update, delete on %I to qtable_app', name);
  end loop;
end $$;

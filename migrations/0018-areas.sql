-- Dining areas: what a floor is drawn in. A table names its area in a later migration.

create table areas (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  name text not null check (char_length(name) <= 100),
  -- Centimetres.
  width double precision not null check (width between 100 and 20000),
  height double precision not null check (height between 100 and 20000),
  position integer not null check (position >= 0),
  -- json, not jsonb: read back letter for letter, and never searched.
  fixtures json not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (restaurant_id, id)
);

alter table areas enable row level security;
alter table areas force row level security;
create policy own_restaurant on areas using (restaurant_id = current_restaurant())
  with check (restaurant_id = current_restaurant());
grant select, insert, update, delete on areas to qtable_app;

-- What each merge of two people did, so that it can be undone exactly.
create table person_merges (
  restaurant_id uuid not null,
  id uuid not null,
  survivor_id uuid not null,
  absorbed_id uuid not null,
  at timestamptz not null,
  record json not null,
  primary key (restaurant_id, id),
  -- Somebody who is a part of one person can't become a part of another.
  constraint person_merges_absorbed_key unique (restaurant_id, absorbed_id),
  constraint person_merges_survivor foreign key (restaurant_id, survivor_id) references people (restaurant_id, id) on delete cascade,
  constraint person_merges_absorbed foreign key (restaurant_id, absorbed_id) references people (restaurant_id, id) on delete cascade
);
create index person_merges_newest on person_merges (restaurant_id, survivor_id, at desc, id desc);
create index people_merged on people (restaurant_id, merged_into) where merged_into is not null;

alter table person_merges enable row level security;
alter table person_merges force row level security;
create policy own_restaurant on person_merges using (restaurant_id = current_restaurant())
  with check (restaurant_id = current_restaurant());
grant select, insert, delete on person_merges to qtable_app;

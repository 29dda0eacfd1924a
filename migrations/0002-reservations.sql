-- Reservations: parties that are expected. They hold tables by the same rules as guests: a table has one party, whichever kind it is.

create table reservations (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  -- The guest that it became or belongs to, where that is known.
  guest_id uuid,
  guest_name text not null check (char_length(guest_name) <= 200),
  contact_info text check (char_length(contact_info) <= 20),
  email text check (char_length(email) <= 255),
  party_size integer not null check (party_size >= 1),
  status text not null check (status in ('waitlist', 'confirmed', 'running_late', 'arrived', 'partially_arrived',
    'seated', 'finished', 'cancelled', 'no_show')),
  table_id uuid,
  reservation_time timestamptz,
  duration_minutes integer not null default 90 check (duration_minutes > 0),
  source text not null default 'app' check (char_length(source) <= 20),
  check_in_time timestamptz,
  seated_time timestamptz,
  finished_time timestamptz,
  ended_at timestamptz,
  notes text,
  special_requests text,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (restaurant_id, id),
  constraint reservations_table_key unique (restaurant_id, table_id),
  constraint reservations_pair_key unique (restaurant_id, table_id, id),
  constraint reservations_ended_at_matches check ((ended_at is not null) = (status in ('finished', 'cancelled', 'no_show'))),
  constraint reservations_guest foreign key (restaurant_id, guest_id) references guests (restaurant_id, id)
    on delete set null (guest_id)
);

alter table tables add column reservation_id uuid;
alter table tables add constraint tables_reservation_key unique (restaurant_id, reservation_id);
alter table tables add constraint tables_reservation_pair_key unique (restaurant_id, id, reservation_id);
alter table tables add constraint tables_one_party check (guest_id is null or reservation_id is null);
alter table tables drop constraint tables_free_is_empty;
alter table tables add constraint tables_free_is_empty
  check (status <> 'available' or (guest_id is null and reservation_id is null));

alter table reservations add constraint reservations_pair foreign key (restaurant_id, table_id, id)
  references tables (restaurant_id, id, reservation_id) deferrable initially deferred;
alter table tables add constraint tables_reservation_pair foreign key (restaurant_id, id, reservation_id)
  references reservations (restaurant_id, table_id, id) deferrable initially deferred;

create index reservations_newest on reservations (restaurant_id, created_at desc, id desc);
create index reservations_by_guest on reservations (restaurant_id, guest_id) where guest_id is not null;

alter table reservations enable row level security;
alter table reservations force row level security;
create policy own_restaurant on reservations using (restaurant_id = current_restaurant())
  with check (restaurant_id = current_restaurant());
grant select, insert, update, delete on reservations to qtable_app;

-- From when on the log tells everything: an older "since" is answered from the entities themselves.
alter table heads add column floor_at timestamptz not null default '-infinity';

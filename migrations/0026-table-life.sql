-- Tables to scale, holds and blocks that end by themselves, marks of the check, and joined tables.
--
-- A party of several tables has one first table, its pair, and each further one names the same party and its first
-- table. `first_id` is that first table, or the table itself: so one foreign key says for all of them that the party is
-- at the first one.

alter table tables
  add column area_id uuid,
  add column width double precision check (width between 10 and 20000),
  add column height double precision check (height between 10 and 20000),
  add column rotation double precision not null default 0 check (rotation between 0 and 360),
  add column min_capacity integer not null default 1 check (min_capacity >= 1),
  add column joined_to uuid,
  add column joined uuid[] not null default '{}',
  add column status_until timestamptz,
  add column held_for uuid,
  add column status_reason text check (char_length(status_reason) <= 200),
  add column check_at timestamptz,
  add column paid_at timestamptz,
  add column first_id uuid not null generated always as (coalesce(joined_to, id)) stored,
  add constraint tables_area foreign key (restaurant_id, area_id) references areas (restaurant_id, id),
  add constraint tables_joined_is_taken
    check ((joined_to is null and joined = '{}') or guest_id is not null or reservation_id is not null),
  add constraint tables_first_is_not_joined check (joined_to is null or (joined = '{}' and joined_to <> id));

create index tables_by_area on tables (restaurant_id, area_id) where area_id is not null;
create index tables_by_first on tables (restaurant_id, first_id);
create index tables_ending on tables (status_until) where status_until is not null;

-- A party has one first table. Further ones name it, too.
alter table tables drop constraint tables_guest_key, drop constraint tables_reservation_key;
create unique index tables_guest_key on tables (restaurant_id, guest_id) where joined_to is null;
create unique index tables_reservation_key on tables (restaurant_id, reservation_id) where joined_to is null;
create index tables_by_guest on tables (restaurant_id, guest_id) where guest_id is not null;
create index tables_by_reservation on tables (restaurant_id, reservation_id) where reservation_id is not null;

alter table tables drop constraint tables_pair, drop constraint tables_reservation_pair;
alter table tables add constraint tables_pair foreign key (restaurant_id, first_id, guest_id)
  references guests (restaurant_id, table_id, id) deferrable initially deferred;
alter table tables add constraint tables_reservation_pair foreign key (restaurant_id, first_id, reservation_id)
  references reservations (restaurant_id, table_id, id) deferrable initially deferred;

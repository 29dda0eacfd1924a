-- Shared devices of a restaurant, and the PINs by which people switch on them. A device has one sign-in, kept here: as of
-- people's sign-ins, only the SHA-256 of its newest refresh tokens is stored.
create table devices (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  name text not null check (char_length(name) between 1 and 200),
  -- Whether it may check PINs while it has no network.
  checks_pins_offline boolean not null,
  added_by uuid not null,
  -- The SHA-256 of the code that pairs it, until it is paired.
  code_hash bytea check (octet_length(code_hash) = 32),
  code_expires_at timestamptz not null,
  paired_at timestamptz,
  -- When its newest token was given out.
  seen_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  token_hash bytea check (octet_length(token_hash) = 32),
  previous_hash bytea check (octet_length(previous_hash) = 32),
  previous_repeats smallint not null default 0 check (previous_repeats >= 0),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (restaurant_id, id),
  constraint devices_id_key unique (id),
  constraint devices_code_key unique (code_hash),
  constraint devices_added_by foreign key (restaurant_id, added_by) references staff (restaurant_id, id),
  constraint devices_paired check ((paired_at is null) = (token_hash is null) and (paired_at is null or code_hash is null)),
  constraint devices_revoked_has_no_code check (revoked_at is null or code_hash is null)
);

alter table devices enable row level security;
alter table devices force row level security;
create policy own_restaurant on devices using (restaurant_id = current_restaurant())
  with check (restaurant_id = current_restaurant());

-- Before the restaurant is known: the device that a pairing code is of.
create policy pairing on devices for select using (
  code_hash = decode(nullif(current_setting('qtable.pairing', true), ''), 'hex'));

-- Every device that has a socket in this process, with its restaurant, among the people that are asked for together.
create policy watched on devices for select using (
  id = any ((select string_to_array(nullif(current_setting('qtable.watched_staff', true), ''), ',')::uuid[])::uuid[]));
create policy of_watched_devices on restaurants for select using (
  nullif(current_setting('qtable.watched_staff', true), '') is not null and restaurant_id in (
    select d.restaurant_id from devices d where d.id = any (
      (select string_to_array(nullif(current_setting('qtable.watched_staff', true), ''), ',')::uuid[])::uuid[])));

create trigger devices_access after update on devices for each row
  when (old.revoked_at is distinct from new.revoked_at) execute function tell_access();
create trigger devices_gone after delete on devices for each row when (old.revoked_at is null)
  execute function tell_access();

-- PINs that somebody entered wrong on a device, one after the other.
create table pin_tries (
  restaurant_id uuid not null,
  device_id uuid not null,
  staff_id uuid not null,
  failures integer not null check (failures >= 0),
  tried_at timestamptz not null,
  primary key (restaurant_id, device_id, staff_id),
  constraint pin_tries_device foreign key (restaurant_id, device_id) references devices (restaurant_id, id) on delete cascade,
  constraint pin_tries_staff foreign key (restaurant_id, staff_id) references staff (restaurant_id, id) on delete cascade
);

alter table pin_tries enable row level security;
alter table pin_tries force row level security;
create policy own_restaurant on pin_tries using (restaurant_id = current_restaurant())
  with check (restaurant_id = current_restaurant());

alter table staff add column pin_hash text, add constraint staff_has_pin check (has_pin = (pin_hash is not null));

grant select, insert, update, delete on devices, pin_tries to qtable_app;

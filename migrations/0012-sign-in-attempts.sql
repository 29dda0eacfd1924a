-- Where somebody has signed in from: the right password from there is taken while strangers guess. A place is a keyed hash of an address, so that this tells nobody where staff have been.

create table known_places (
  restaurant_id uuid not null,
  staff_id uuid not null,
  place bytea not null check (octet_length(place) = 16),
  used_at timestamptz not null,
  primary key (restaurant_id, staff_id, place),
  constraint known_places_staff foreign key (restaurant_id, staff_id) references staff (restaurant_id, id) on delete cascade
);

alter table known_places enable row level security;
alter table known_places force row level security;
create policy own_restaurant on known_places using (restaurant_id = current_restaurant())
  with check (restaurant_id = current_restaurant());

-- With the e-mail that signs in, the places of that person.
create policy signing_in on known_places for select using (
  (restaurant_id, staff_id) in (
    select s.restaurant_id, s.id from staff s
    where s.email = nullif(current_setting('qtable.email', true), '')
      or s.email_key = lower(nullif(current_setting('qtable.email', true), ''))));

grant select, insert, update, delete on known_places to qtable_app;

-- Failed attempts, counted by a keyed hash of what they are counted under: an e-mail, whether anybody has it or not, an address, somebody who is signed in. Of no restaurant, and
-- readable as numbers only. It is shared by all processes and outlives them, so that a restart or many processes give nobody more guesses.

create table failed_attempts (
  key bytea primary key check (octet_length(key) = 16),
  failures integer not null check (failures > 0),
  -- When the first of them was.
  since timestamptz not null
);

create index failed_attempts_by_age on failed_attempts (since);

grant select, insert, update, delete on failed_attempts to qtable_app;

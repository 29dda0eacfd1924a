-- Whose visit a party is, and what the floor shows of that person.
alter table guests add column person_id uuid, add column person json,
  add constraint guests_person foreign key (restaurant_id, person_id) references people (restaurant_id, id),
  add constraint guests_person_shown check ((person_id is null) = (person is null));
alter table reservations add column person_id uuid, add column person json,
  add constraint reservations_person foreign key (restaurant_id, person_id) references people (restaurant_id, id),
  add constraint reservations_person_shown check ((person_id is null) = (person is null));
create index guests_by_person on guests (restaurant_id, person_id) where person_id is not null;
create index reservations_by_person on reservations (restaurant_id, person_id) where person_id is not null;

-- The visits of people, whichever noun has them. A reservation that became a guest is one visit. Row-level security is that
-- of whoever reads it.
create view person_visits with (security_invoker = true) as
  select restaurant_id, person_id, 'guest' as kind, id, status, party_size, created_at, reservation_time, seated_time, ended_at
  from guests where person_id is not null
  union all
  select restaurant_id, person_id, 'reservation', id, status, party_size, created_at, reservation_time, seated_time, ended_at
  from reservations where person_id is not null and guest_id is null;
grant select on person_visits to qtable_app;

-- When a person changed last: what is found is put in order before anything else of it is read.
alter table people_index add column updated_at timestamptz not null default '-infinity';
alter table people_index alter column updated_at drop default;
create or replace view found_people as
  select person_id, words, pieces, updated_at from people_index where restaurant_id = current_restaurant();

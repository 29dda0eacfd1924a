-- What parties were quoted, counted with their visits: those that sat down after a quote, the middle of the last quote and
-- the minutes from then on, how far these are apart, and how many came before, after or later than first promised.
alter table visit_slots
  add column quotes integer not null default 0,
  add column quote_minutes double precision not null default 0,
  add column quote_waits double precision not null default 0,
  add column quote_errors double precision not null default 0,
  add column early integer not null default 0,
  add column late integer not null default 0,
  add column broken_promises integer not null default 0;

-- Settings of a restaurant, in its own row: name and time zone are there already. Devices see the row as one entity, whose id
-- is the restaurant's. The defaults are those of src/settings/fields.ts; a test compares them.
alter table restaurants
  add column id uuid not null generated always as (restaurant_id) stored,
  add column locale text not null default 'en' check (char_length(locale) <= 35),
  add column clock text not null default 'h24' check (clock in ('h12', 'h24')),
  add column currency text not null default 'EUR' check (char_length(currency) = 3),
  add column day_start text not null default '00:00' check (char_length(day_start) = 5),
  add column service_periods json not null default '[]',
  add column special_days json not null default '[]',
  add column turn_targets json not null default
    '[{"upTo":2,"minutes":50},{"upTo":4,"minutes":65},{"upTo":6,"minutes":80},{"upTo":8,"minutes":95}]',
  add column quote_rounding_minutes integer not null default 5 check (quote_rounding_minutes > 0),
  add column grace_minutes integer not null default 10 check (grace_minutes >= 0),
  add column self_join text not null default 'nobody' check (self_join in ('nobody', 'code', 'anyone')),
  add column guest_retention_days integer check (guest_retention_days > 0),
  add column covers_per_quarter integer check (covers_per_quarter >= 0),
  add column offline_pin boolean not null default false,
  add column quiet_hours json,
  add column version integer not null default 1 check (version > 0);

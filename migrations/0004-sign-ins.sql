-- Sign-ins of the native API. One row is one sign-in: a family of refresh tokens, of which only the newest counts. Tokens themselves are not kept,
-- only their SHA-256.

create table sign_ins (
  restaurant_id uuid not null,
  id uuid not null,
  staff_id uuid not null,
  device text check (char_length(device) <= 200),
  created_at timestamptz not null,
  -- When the newest token was given out.
  used_at timestamptz not null,
  -- Moves on with every refresh. One that is revoked expires at that moment, so what is over is found by this alone.
  expires_at timestamptz not null,
  revoked_at timestamptz,
  revoked_why text check (revoked_why in ('signed-out', 'token-reused', 'ended', 'password-changed', 'deactivated', 'role-changed')),
  token_hash bytea not null check (octet_length(token_hash) = 32),
  -- The token before it, which may be used once more: its answer may have been lost.
  previous_hash bytea check (octet_length(previous_hash) = 32),
  previous_retried boolean not null default false,
  primary key (restaurant_id, id),
  constraint sign_ins_staff foreign key (restaurant_id, staff_id) references staff (restaurant_id, id),
  constraint sign_ins_revoked check ((revoked_at is null) = (revoked_why is null)),
  constraint sign_ins_revoked_is_over check (revoked_at is null or expires_at <= revoked_at)
);

create index sign_ins_by_staff on sign_ins (restaurant_id, staff_id) where revoked_at is null;
create index sign_ins_by_end on sign_ins (expires_at);

alter table sign_ins enable row level security;
alter table sign_ins force row level security;
create policy own_restaurant on sign_ins using (restaurant_id = current_restaurant())
  with check (restaurant_id = current_restaurant());

-- With the one row of staff that a token names, the sign-ins of that person.
create policy identified on sign_ins for select using (
  staff_id = nullif(current_setting('qtable.staff_id', true), '')::uuid);

-- Everyone who has a socket in this process, and their sign-ins, asked for together. The list is read once a statement, not once a row.
create policy watched on staff for select using (
  id = any ((select string_to_array(nullif(current_setting('qtable.watched_staff', true), ''), ',')::uuid[])::uuid[]));
create policy watched on sign_ins for select using (
  staff_id = any ((select string_to_array(nullif(current_setting('qtable.watched_staff', true), ''), ',')::uuid[])::uuid[]));

-- Whatever restaurant it was of: what has been over since before a given time is to be seen and deleted, for cleaning up.
create policy forgotten_seen on sign_ins for select using (
  expires_at < nullif(current_setting('qtable.forgotten_before', true), '')::timestamptz);
create policy forgotten on sign_ins for delete using (
  expires_at < nullif(current_setting('qtable.forgotten_before', true), '')::timestamptz);

grant select, insert, update, delete on sign_ins to qtable_app;

-- Retention: the change log is kept by whole days of UTC, each a partition of its own, so that what is old goes by dropping a table and not by
-- deleting rows. Answers of mutations are found by age.

alter table changes rename to changes_before;
alter table changes_before rename constraint changes_pkey to changes_before_pkey;
alter index changes_by_time rename to changes_before_by_time;

-- That a seq is used once in a restaurant can't be said across partitions. The lock on the restaurant's head sees to it: every change takes the next
-- number of a head that is locked until the commit. The head is also why no foreign key to restaurants is needed here; with one, dropping a day would
-- have to lock out everybody who reads restaurants.
create table changes (
  restaurant_id uuid not null,
  seq bigint not null check (seq > 0),
  epoch uuid not null,
  at timestamptz not null,
  command text not null,
  mutation_id text check (char_length(mutation_id) <= 200),
  actor_id uuid,
  device text check (char_length(device) <= 200),
  -- json, not jsonb: read back letter for letter, and never searched.
  entries json not null,
  primary key (restaurant_id, seq, at)
) partition by range (at);

create index changes_by_time on changes (restaurant_id, at);

-- Housekeeping works as the owner, whom forced row level security holds back as well: hence its policy, which names the owner.
create function let_housekeeping(part regclass) returns void language plpgsql set search_path from current as $$
begin
  execute format('drop policy if exists housekeeping on %s', part);
  execute format('create policy housekeeping on %s to %I using (true) with check (true)', part, current_user);
end $$;

-- A dump that was restored for another owner still names the old one, who would look at an empty log.
create function claim_housekeeping() returns void language plpgsql set search_path from current as $$
declare part regclass;
begin
  if not row_security_active('heads') then return; end if;
  for part in
    select c.oid from pg_class c
    where c.oid in ('heads'::regclass, 'mutations'::regclass, 'changes'::regclass)
       or c.oid in (select inhrelid from pg_inherits where inhparent = 'changes'::regclass)
  loop
    if not exists (select from pg_policy
      where polrelid = part and polname = 'housekeeping' and (select oid from pg_roles where rolname = current_user) = any (polroles))
    then perform let_housekeeping(part); end if;
  end loop;
end $$;

-- What the walls of a part of the log are.
create function wall_changes(part regclass) returns void language plpgsql set search_path from current as $$
begin
  execute format('alter table %s enable row level security', part);
  execute format('alter table %s force row level security', part);
  execute format('create policy own_restaurant on %s using (restaurant_id = current_restaurant())
    with check (restaurant_id = current_restaurant())', part);
  perform let_housekeeping(part);
end $$;

-- What belongs to no day that there is: a clock that runs weeks ahead or behind, or housekeeping that has not run for weeks.
create table changes_other_days partition of changes default;
select wall_changes('changes');
select wall_changes('changes_other_days');
grant select, insert on changes to qtable_app;

-- Makes a day of the log, with what of it lies with the other days. Whoever appends meanwhile waits, so that no change is on its way to where it no
-- longer belongs. Tells whether it had to be made.
create function make_changes_day(day date) returns boolean language plpgsql set search_path from current as $$
declare
  name text := 'changes_' || to_char(day, 'YYYYMMDD');
  first timestamptz := day::timestamp at time zone 'UTC';
  next timestamptz := (day + 1)::timestamp at time zone 'UTC';
begin
  if to_regclass(name) is not null then return false; end if;
  execute format('create table %I (like changes including all)', name);
  perform wall_changes(name::regclass);
  lock table changes in access exclusive mode;
  execute format('with moved as (delete from changes_other_days where at >= $1 and at < $2 returning *)
    insert into %I select * from moved', name) using first, next;
  execute format('alter table changes attach partition %I for values from (%L) to (%L)', name, first, next);
  return true;
end $$;

-- Drops a day of the log, which must lie below the floor of every restaurant. Gives `dropped`, `none` when there is no such day, or `needed`.
create function drop_changes_day(day date) returns text language plpgsql set search_path from current as $$
declare
  name text := 'changes_' || to_char(day, 'YYYYMMDD');
  needed boolean;
begin
  if to_regclass(name) is null then return 'none'; end if;
  lock table changes in access exclusive mode;
  execute format('select exists (select from heads h, lateral (
    select seq from %I c where c.restaurant_id = h.restaurant_id order by seq desc limit 1) newest where newest.seq > h.floor)', name)
    into needed;
  if needed then return 'needed'; end if;
  execute format('drop table %I', name);
  return 'dropped';
end $$;

revoke execute on function let_housekeeping(regclass), claim_housekeeping(), wall_changes(regclass), make_changes_day(date), drop_changes_day(date) from public;

do $$
declare day date;
begin
  -- The old walls would hide the rows from an owner who is no superuser.
  alter table changes_before no force row level security;
  for day in select distinct (at at time zone 'UTC')::date from changes_before loop
    perform make_changes_day(day);
  end loop;
  for i in -1 .. 7 loop
    perform make_changes_day((now() at time zone 'UTC')::date + i);
  end loop;
end $$;
insert into changes (restaurant_id, seq, epoch, at, command, mutation_id, actor_id, device, entries)
  select restaurant_id, seq, epoch, at, command, mutation_id, actor_id, device, entries from changes_before;
drop table changes_before;

select let_housekeeping('heads');
select let_housekeeping('mutations');

-- Rows come in the order of their time, so a summary a few pages wide finds the old ones, and costs the insert next to nothing.
create index mutations_by_time on mutations using brin (at) with (pages_per_range = 32, autosummarize = on);

-- Which database this is: what was stored here by the last server that looked. When it is no longer true, the database was restored, moved or failed over,
-- and its logs can't be continued. Of no restaurant, and only for the owner.
create table lineage (
  -- One row.
  one_row boolean primary key default true check (one_row),
  system_identifier text not null,
  timeline text not null,
  -- Where a dump was restored into the same cluster, or over the same database, these two change.
  database_oid oid not null,
  heads_oid oid not null,
  noted_at timestamptz not null
);

-- What a party on the waitlist was told and what it said (src/guests/fields.ts).
alter table guests
  add column quoted_from integer check (quoted_from >= 0),
  add column quoted_to integer check (quoted_to >= quoted_from),
  add column quote_reason text check (char_length(quote_reason) <= 200),
  add column quoted_at timestamptz,
  add column first_quoted_to integer check (first_quoted_to >= 0),
  add column notified_at timestamptz,
  add column grace_until timestamptz,
  add column on_my_way_at timestamptz,
  add column late_minutes integer check (late_minutes > 0),
  add column arrived_count integer check (arrived_count > 0),
  add column jump_reason text check (char_length(jump_reason) <= 200),
  add column end_reason text check (end_reason in ('left', 'cancelled_by_guest', 'grace_ended'));

-- Whoever is not awaited has no end of a grace, so this index is small.
create index guests_due on guests (grace_until, restaurant_id) where grace_until is not null;

-- Housekeeping looks for what is due in all restaurants.
create or replace function claim_housekeeping() returns void language plpgsql set search_path from current as $$
declare part regclass;
begin
  if not row_security_active('heads') then return; end if;
  for part in
    select c.oid from pg_class c
    where c.oid in ('heads'::regclass, 'mutations'::regclass, 'changes'::regclass, 'guests'::regclass)
       or c.oid in (select inhrelid from pg_inherits where inhparent = 'changes'::regclass)
  loop
    if not exists (select from pg_policy
      where polrelid = part and polname = 'housekeeping' and (select oid from pg_roles where rolname = current_user) = any (polroles))
    then perform let_housekeeping(part); end if;
  end loop;
end $$;
select let_housekeeping('guests');

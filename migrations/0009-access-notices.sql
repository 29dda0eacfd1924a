-- Whatever may end somebody's access is said on the channel qtable_access when it commits, with the restaurant's id, also where an operator does it by SQL: servers look at who has
-- something open there at once. Empty: of any restaurant. Equal words of a transaction are said once.

create function tell_access() returns trigger language plpgsql set search_path from current as $$
begin
  if tg_op = 'TRUNCATE' then
    perform pg_notify('qtable_access', '');
  else
    perform pg_notify('qtable_access', old.restaurant_id::text);
  end if;
  return null;
end $$;
revoke execute on function tell_access() from public;

create trigger staff_access after update on staff for each row
  when ((old.restaurant_id, old.id, old.role, old.is_active) is distinct from (new.restaurant_id, new.id, new.role, new.is_active))
  execute function tell_access();
create trigger staff_gone after delete on staff for each row execute function tell_access();
create trigger staff_all_gone after truncate on staff execute function tell_access();

create trigger sign_ins_access after update on sign_ins for each row
  when ((old.restaurant_id, old.id, old.staff_id, old.revoked_at) is distinct from (new.restaurant_id, new.id, new.staff_id, new.revoked_at))
  execute function tell_access();
create trigger sign_ins_gone after delete on sign_ins for each row when (old.revoked_at is null) execute function tell_access();
create trigger sign_ins_all_gone after truncate on sign_ins execute function tell_access();

create trigger restaurants_access after update on restaurants for each row
  when ((old.restaurant_id, old.is_active) is distinct from (new.restaurant_id, new.is_active))
  execute function tell_access();
create trigger restaurants_gone after delete on restaurants for each row execute function tell_access();

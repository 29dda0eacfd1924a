-- Tokens of the iPad's sign-in belong to no row of sign_ins. Each carries the generation that its account had when its password was checked, and counts while the account is of that
-- generation; one that carries none (from earlier releases, or the old backend) is of generation 0. A counter and no time: a token made in the same second as a change of the password is
-- judged by the password that it was given for, whatever the clocks say.

alter table staff add column token_generation integer not null default 0 check (token_generation >= 0);

drop trigger staff_access on staff;
create trigger staff_access after update on staff for each row
  when ((old.restaurant_id, old.id, old.role, old.is_active, old.token_generation)
    is distinct from (new.restaurant_id, new.id, new.role, new.is_active, new.token_generation))
  execute function tell_access();

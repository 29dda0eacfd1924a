-- Who acted, where it was not staff: a guest for their own party, whose id is in actor_id then, or the server by itself.
alter table changes add column actor_kind text check (actor_kind in ('guest', 'server'));

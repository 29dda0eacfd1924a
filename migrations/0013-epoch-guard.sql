-- The guard of the epochs: one row while the epochs in `heads` belong to this PostgreSQL server. Every transaction of a restaurant reads it first.
--
-- The table is unlogged on purpose. PostgreSQL empties unlogged tables whenever a server recovers: after a crash, when a standby is promoted, in a
-- restored base backup; a standby refuses to read them. So the first transaction on such a server is refused, whatever connection or pooler it comes
-- through, until a process has compared the server with `lineage` and has given new epochs where they are due. `home` names the file of the table: a
-- dump or a copied database brings the row along, but not its file.
create unlogged table epoch_guard (home text not null);

create function refuse_stale_epochs() returns text language plpgsql as $$
begin
  raise exception 'the epochs of this database were not checked since its server recovered' using errcode = 'QT001';
end $$;

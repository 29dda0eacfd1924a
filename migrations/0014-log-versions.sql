-- The log has versions: each change is stored with the version that its entities' shape has, and each head has the version
-- that its log has come to. A program that knows a newer version brings the logs to it with one change a restaurant, which
-- tells devices what is new (docs/operations.md, "Upgrading"). One that knows only an older version may not append.
alter table heads add column version integer not null default 1 check (version > 0);

-- json, not jsonb: read back letter for letter, as `entries` are.
alter table changes add column version integer not null default 1 check (version > 0), add column upgrade json;

create function refuse_outdated() returns bigint language plpgsql as $$
begin
  raise exception 'a newer version of the server has brought this log forward' using errcode = 'QT002';
end $$;

-- Numbers count within their epoch only, so an answer that names a change names its epoch too. Null: stored before this migration, or there was no change.
alter table mutations add column epoch uuid;

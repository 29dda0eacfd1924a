-- Staff are entities of the stream: devices show by name who did something. `version` counts the changes that devices were
-- told of. E-mails and hashes are told to nobody. `has_pin` says whether a PIN is set.
alter table staff add column version integer not null default 1, add column has_pin boolean not null default false;

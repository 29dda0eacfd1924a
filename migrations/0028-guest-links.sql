-- Links of guests: one a party. Of a token there is only its SHA-256; the token itself is made from the id and SECRET_KEY.
create table guest_links (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  guest_id uuid not null,
  token_hash bytea not null check (octet_length(token_hash) = 32),
  created_at timestamptz not null,
  primary key (restaurant_id, id),
  constraint guest_links_one unique (restaurant_id, guest_id),
  constraint guest_links_token_key unique (restaurant_id, token_hash),
  constraint guest_links_guest foreign key (restaurant_id, guest_id) references guests (restaurant_id, id) on delete cascade
);

alter table guest_links enable row level security;
alter table guest_links force row level security;
create policy own_restaurant on guest_links using (restaurant_id = current_restaurant())
  with check (restaurant_id = current_restaurant());
grant select, insert, update, delete on guest_links to qtable_app;

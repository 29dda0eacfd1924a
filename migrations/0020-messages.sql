-- Messages to guests. A command writes them in its transaction, and a worker of any process sends them later: in the order of their position within a
-- lane, which is one channel of one restaurant.

create table message_lanes (
  restaurant_id uuid not null references restaurants,
  channel text not null check (channel in ('email', 'sms', 'whatsapp', 'push', 'webhook')),
  -- The row is locked from here to the commit, so positions are in the order of commits.
  last_position bigint not null,
  waiting integer not null check (waiting >= 0),
  -- Whether the newest message found no room. It is kept as undelivered.
  is_full boolean not null default false,
  -- When there is something to do; null while nothing waits.
  due_at timestamptz,
  -- Who works here, and until when at most.
  lease uuid,
  leased_until timestamptz,
  -- Attempts in a row for which the receiver was not there.
  failures integer not null default 0 check (failures >= 0),
  -- The hour that is counted, and what was sent in it.
  hour timestamptz,
  sent_in_hour integer not null default 0,
  primary key (restaurant_id, channel)
);

create index message_lanes_due on message_lanes (due_at) where due_at is not null;

create table messages (
  restaurant_id uuid not null references restaurants,
  id uuid not null,
  channel text not null check (channel in ('email', 'sms', 'whatsapp', 'push', 'webhook')),
  position bigint not null,
  -- The visit that it is about. No foreign key: the message outlives the visit.
  guest_id uuid,
  recipient text not null check (char_length(recipient) <= 4000),
  template text not null check (char_length(template) <= 100),
  -- Null: the restaurant's.
  language text check (language in ('en', 'de')),
  -- What the template's words are filled with; forgotten when it was sent, because a link in it is a key.
  variables json not null,
  is_urgent boolean not null,
  status text not null check (status in ('waiting', 'sent', 'undelivered')),
  attempts integer not null default 0,
  not_before timestamptz,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  attempted_at timestamptz,
  -- When it was sent or given up.
  settled_at timestamptz,
  failure text check (char_length(failure) <= 300),
  -- What the receiver calls it.
  reference text check (char_length(reference) <= 300),
  -- The words that were sent, without the link.
  words text,
  primary key (restaurant_id, id),
  constraint messages_position_key unique (restaurant_id, channel, position),
  constraint messages_settled check ((settled_at is null) = (status = 'waiting'))
);

create index messages_waiting on messages (restaurant_id, channel, position) where status = 'waiting';
create index messages_undelivered on messages (restaurant_id, created_at desc, id desc) where status = 'undelivered';
create index messages_of_guest on messages (restaurant_id, guest_id, created_at desc);
create index messages_settled_at on messages (settled_at) where settled_at is not null;

create table message_settings (
  restaurant_id uuid primary key references restaurants,
  language text not null check (language in ('en', 'de')),
  -- By the restaurant's clock, `22:00`; equal: no quiet hours.
  quiet_from text not null check (quiet_from ~ '^\d\d:\d\d$'),
  quiet_until text not null check (quiet_until ~ '^\d\d:\d\d$'),
  hourly_limit integer not null check (hourly_limit between 0 and 10000),
  webhook_url text check (char_length(webhook_url) <= 2000),
  -- Kept, because a signature is made with it. The one before counts for a day after it was replaced.
  webhook_secret text,
  webhook_old_secret text,
  webhook_secret_at timestamptz,
  updated_at timestamptz not null
);

create table message_templates (
  restaurant_id uuid not null references restaurants,
  template text not null check (char_length(template) <= 100),
  language text not null check (language in ('en', 'de')),
  subject text not null check (char_length(subject) <= 200),
  body text not null check (char_length(body) <= 1000),
  updated_at timestamptz not null,
  primary key (restaurant_id, template, language)
);

do $$
declare part text;
begin
  foreach part in array array['message_lanes', 'messages', 'message_settings', 'message_templates'] loop
    execute format('alter table %I enable row level security', part);
    execute format('alter table %I force row level security', part);
    execute format('create policy own_restaurant on %I using (restaurant_id = current_restaurant())
      with check (restaurant_id = current_restaurant())', part);
    execute format('grant select, insert, update, delete on %I to qtable_app', part);
  end loop;
end $$;

-- The worker finds and leases lanes of all restaurants. A lane tells nothing about a guest: messages are read as their restaurant.
create policy due on message_lanes for select using (
  due_at <= nullif(current_setting('qtable.due_before', true), '')::timestamptz);
create policy leased on message_lanes for update using (
  due_at <= nullif(current_setting('qtable.due_before', true), '')::timestamptz);

-- Settled messages of all restaurants are seen and deleted when their time is over.
create policy forgotten_seen on messages for select using (
  settled_at < nullif(current_setting('qtable.forgotten_before', true), '')::timestamptz);
create policy forgotten on messages for delete using (
  settled_at < nullif(current_setting('qtable.forgotten_before', true), '')::timestamptz);

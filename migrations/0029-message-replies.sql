-- Who answers a message is known by the number alone. A transaction that names it sees the messages that were sent there, of any restaurant.
create index messages_by_recipient on messages (recipient, created_at desc) where channel in ('sms', 'whatsapp');
create policy replied on messages for select using (
  channel in ('sms', 'whatsapp') and recipient = nullif(current_setting('qtable.replied_by', true), ''));

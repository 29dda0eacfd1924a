-- The list of restaurants that this process has sockets for is read once a statement, not once for each of them.
drop policy watched on heads;
create policy watched on heads for select using (
  restaurant_id = any ((select string_to_array(nullif(current_setting('qtable.watched', true), ''), ',')::uuid[])::uuid[]));

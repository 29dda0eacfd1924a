-- Reservations that are on the floor: those that are not over, or ended lately.
create index reservations_current on reservations (restaurant_id, (coalesce(ended_at, 'infinity')));

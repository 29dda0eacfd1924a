-- staffEntity: the columns of a select
id, first_name as "firstName", last_name as "lastName", role, is_active as "isActive", has_pin as "hasPin", version, created_at as "createdAt", updated_at as "updatedAt"
-- insert-staff
insert into staff (restaurant_id, id, email, email_key, password_hash, first_name, last_name, role, created_at, updated_at)
   values ($1, $2, $3, lower($3), $4, $5, $6, $7, $8, $8)
-- update-staff
update staff set first_name = $3, last_name = $4, role = $5, is_active = $6, has_pin = $7, version = $8, updated_at = $9 where restaurant_id = $1 and id = $2

-- areaEntity: the columns of a select
id, name, width, height, position, fixtures, version, created_at as "createdAt", updated_at as "updatedAt"
-- insert-area
insert into areas (restaurant_id, id, name, width, height, position, fixtures, version, updated_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
-- update-area
update areas set name = $3, width = $4, height = $5, position = $6, fixtures = $7, version = $8, updated_at = $9 where restaurant_id = $1 and id = $2

-- settingsEntity: the columns of a select
id, name, time_zone as "timeZone", locale, clock, currency, day_start as "dayStart", service_periods as "servicePeriods", special_days as "specialDays", turn_targets as "turnTargets", quote_rounding_minutes as "quoteRoundingMinutes", grace_minutes as "graceMinutes", self_join as "selfJoin", guest_retention_days as "guestRetentionDays", covers_per_quarter as "coversPerQuarter", offline_pin as "offlinePin", quiet_hours as "quietHours", version, created_at as "createdAt", updated_at as "updatedAt"
-- insert-settings
insert into restaurants (restaurant_id, slug, name, time_zone, locale, clock, currency, day_start, service_periods, special_days, turn_targets, quote_rounding_minutes, grace_minutes, self_join, guest_retention_days, covers_per_quarter, offline_pin, quiet_hours, version, updated_at, created_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20)
-- update-settings
update restaurants set name = $3, time_zone = $4, locale = $5, clock = $6, currency = $7, day_start = $8, service_periods = $9, special_days = $10, turn_targets = $11, quote_rounding_minutes = $12, grace_minutes = $13, self_join = $14, guest_retention_days = $15, covers_per_quarter = $16, offline_pin = $17, quiet_hours = $18, version = $19, updated_at = $20 where restaurant_id = $1 and id = $2

-- turnEntity: the columns of a select
id, log_means as "logMeans", visits, log_variance as "logVariance", version, created_at as "createdAt", updated_at as "updatedAt"
-- insert-turn
insert into turns (restaurant_id, id, log_means, visits, log_variance, version, updated_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $7)
-- update-turn
update turns set log_means = $3, visits = $4, log_variance = $5, version = $6, updated_at = $7 where restaurant_id = $1 and id = $2

-- serverEntity: the columns of a select
id, name, staff_id as "staffId", joined_at as "joinedAt", cut_at as "cutAt", skipped_at as "skippedAt", skip_reason as "skipReason", version, created_at as "createdAt", updated_at as "updatedAt"
-- insert-server
insert into servers (restaurant_id, id, name, staff_id, joined_at, cut_at, skipped_at, skip_reason, version, updated_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
-- update-server
update servers set name = $3, staff_id = $4, joined_at = $5, cut_at = $6, skipped_at = $7, skip_reason = $8, version = $9, updated_at = $10 where restaurant_id = $1 and id = $2

-- sectionEntity: the columns of a select
id, name, colour, server_id as "serverId", is_open as "isOpen", version, created_at as "createdAt", updated_at as "updatedAt"
-- insert-section
insert into sections (restaurant_id, id, name, colour, server_id, is_open, version, updated_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $8)
-- update-section
update sections set name = $3, colour = $4, server_id = $5, is_open = $6, version = $7, updated_at = $8 where restaurant_id = $1 and id = $2

-- planEntity: the columns of a select
id, name, period, sections, version, created_at as "createdAt", updated_at as "updatedAt"
-- insert-plan
insert into plans (restaurant_id, id, name, period, sections, version, updated_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $7)
-- update-plan
update plans set name = $3, period = $4, sections = $5, version = $6, updated_at = $7 where restaurant_id = $1 and id = $2

-- guestEntity: the columns of a select
id, first_name as "firstName", last_name as "lastName", email, phone, party_size as "partySize", status, table_id as "tableId", server_id as "serverId", reservation_time as "reservationTime", check_in_time as "checkInTime", seated_time as "seatedTime", finished_time as "finishedTime", ended_at as "endedAt", dietary_restrictions as "dietaryRestrictions", special_requests as "specialRequests", notes, person_id as "personId", person, quoted_from as "quotedFrom", quoted_to as "quotedTo", quote_reason as "quoteReason", quoted_at as "quotedAt", first_quoted_to as "firstQuotedTo", notified_at as "notifiedAt", grace_until as "graceUntil", on_my_way_at as "onMyWayAt", late_minutes as "lateMinutes", arrived_count as "arrivedCount", jump_reason as "jumpReason", end_reason as "endReason", version, created_at as "createdAt", updated_at as "updatedAt"
-- insert-guest
insert into guests (restaurant_id, id, first_name, last_name, email, phone, party_size, status, table_id, server_id, reservation_time, check_in_time, seated_time, finished_time, ended_at, dietary_restrictions, special_requests, notes, person_id, person, quoted_from, quoted_to, quote_reason, quoted_at, first_quoted_to, notified_at, grace_until, on_my_way_at, late_minutes, arrived_count, jump_reason, end_reason, version, updated_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $34)
-- update-guest
update guests set first_name = $3, last_name = $4, email = $5, phone = $6, party_size = $7, status = $8, table_id = $9, server_id = $10, reservation_time = $11, check_in_time = $12, seated_time = $13, finished_time = $14, ended_at = $15, dietary_restrictions = $16, special_requests = $17, notes = $18, person_id = $19, person = $20, quoted_from = $21, quoted_to = $22, quote_reason = $23, quoted_at = $24, first_quoted_to = $25, notified_at = $26, grace_until = $27, on_my_way_at = $28, late_minutes = $29, arrived_count = $30, jump_reason = $31, end_reason = $32, version = $33, updated_at = $34 where restaurant_id = $1 and id = $2

-- tableEntity: the columns of a select
id, number, capacity, x, y, shape, section, area_id as "areaId", width, height, rotation, min_capacity as "minCapacity", section_id as "sectionId", server_id as "serverId", status, guest_id as "guestId", reservation_id as "reservationId", joined_to as "joinedTo", joined, status_until as "statusUntil", held_for as "heldFor", status_reason as "statusReason", check_at as "checkAt", paid_at as "paidAt", version, created_at as "createdAt", updated_at as "updatedAt"
-- insert-table
insert into tables (restaurant_id, id, number, capacity, x, y, shape, section, area_id, width, height, rotation, min_capacity, section_id, server_id, status, guest_id, reservation_id, joined_to, joined, status_until, held_for, status_reason, check_at, paid_at, version, updated_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $27)
-- update-table
update tables set number = $3, capacity = $4, x = $5, y = $6, shape = $7, section = $8, area_id = $9, width = $10, height = $11, rotation = $12, min_capacity = $13, section_id = $14, server_id = $15, status = $16, guest_id = $17, reservation_id = $18, joined_to = $19, joined = $20, status_until = $21, held_for = $22, status_reason = $23, check_at = $24, paid_at = $25, version = $26, updated_at = $27 where restaurant_id = $1 and id = $2

-- reservationEntity: the columns of a select
id, guest_id as "guestId", guest_name as "guestName", contact_info as "contactInfo", email, party_size as "partySize", status, table_id as "tableId", server_id as "serverId", reservation_time as "reservationTime", duration_minutes as "durationMinutes", source, check_in_time as "checkInTime", seated_time as "seatedTime", finished_time as "finishedTime", ended_at as "endedAt", notes, special_requests as "specialRequests", person_id as "personId", person, version, created_at as "createdAt", updated_at as "updatedAt"
-- insert-reservation
insert into reservations (restaurant_id, id, guest_id, guest_name, contact_info, email, party_size, status, table_id, server_id, reservation_time, duration_minutes, source, check_in_time, seated_time, finished_time, ended_at, notes, special_requests, person_id, person, version, updated_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $23)
-- update-reservation
update reservations set guest_id = $3, guest_name = $4, contact_info = $5, email = $6, party_size = $7, status = $8, table_id = $9, server_id = $10, reservation_time = $11, duration_minutes = $12, source = $13, check_in_time = $14, seated_time = $15, finished_time = $16, ended_at = $17, notes = $18, special_requests = $19, person_id = $20, person = $21, version = $22, updated_at = $23 where restaurant_id = $1 and id = $2

-- personEntity: the columns of a select
id, first_name as "firstName", last_name as "lastName", phone, email, is_vip as "isVip", tags, dietary_needs as "dietaryNeeds", allergies, seating_preference as "seatingPreference", birthday, notes, consent_at as "consentAt", earlier_visits as "earlierVisits", version, created_at as "createdAt", updated_at as "updatedAt"
-- insert-person
insert into people (restaurant_id, id, first_name, last_name, phone, email, is_vip, tags, dietary_needs, allergies, seating_preference, birthday, notes, consent_at, earlier_visits, version, updated_at, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)
-- update-person
update people set first_name = $3, last_name = $4, phone = $5, email = $6, is_vip = $7, tags = $8, dietary_needs = $9, allergies = $10, seating_preference = $11, birthday = $12, notes = $13, consent_at = $14, earlier_visits = $15, version = $16, updated_at = $17 where restaurant_id = $1 and id = $2

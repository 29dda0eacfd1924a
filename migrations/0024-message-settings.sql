-- Language and quiet hours of messages are those of the restaurant's settings.
alter table message_settings drop column language, drop column quiet_from, drop column quiet_until;

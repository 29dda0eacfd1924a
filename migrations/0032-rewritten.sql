-- Erasing a person takes it out of the entries of earlier changes too. Nothing else of a stored change may be written.
grant update (entries) on changes to qtable_app;

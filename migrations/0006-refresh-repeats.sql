-- A used-up refresh token is taken again as long as nothing that was given out for it has been used: more than one answer in a row may be lost. Counted,
-- so that it has an end.

alter table sign_ins alter column previous_retried drop default;
alter table sign_ins alter column previous_retried type smallint using previous_retried::int::smallint;
alter table sign_ins rename column previous_retried to previous_repeats;
alter table sign_ins alter column previous_repeats set default 0;
alter table sign_ins add constraint sign_ins_repeats check (previous_repeats >= 0);

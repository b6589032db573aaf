-- name: schema_1
-- number grows with every use, so that the smallest is what was used longest ago.
create table answer (
    key     blob    primary key,                     -- a hash of whom, where and what was asked
    status  integer not null,
    body    blob    not null,                        -- JSON, as it came
    number  integer not null
) strict, without rowid;
create unique index answer_number on answer (number)

-- name: answer
select status, body from answer where key = ?

-- name: put
-- Two processes may have asked the same at once: the first answer stays.
insert into answer (key, status, body, number)
values (?, ?, ?, (select coalesce(max(number), 0) + 1 from answer)) on conflict (key) do nothing

-- name: touch
update answer set number = (select max(number) + 1 from answer) where key = ?

-- name: size
select coalesce(sum(length(body)), 0) from answer

-- name: oldest
-- By index answer_number; a page of them.
select number, length(body) from answer order by number limit ?

-- name: forget
delete from answer where number <= ?

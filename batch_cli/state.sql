-- name: schema_1
create table intent (
    id             text    primary key,              -- 'bci_' and 128 random bits; the key sent with a create
    content        text    not null,                 -- hash over where it goes and what: the same again is recognised
    provider       text    not null,
    model          text    not null,
    endpoint       text    not null,
    source         text    not null,                 -- the file as the user named it, for messages
    sha256         text    not null,
    bytes          integer not null,
    requests       integer not null,
    response_schema text,                            -- JSON Schema that all requests ask for, if they do
    settings       text    not null,                 -- JSON, the provider's own
    metadata       text    not null,                 -- JSON
    state          text    not null check (state in ('prepared', 'staged', 'creating', 'done')),
    staged         text,
    batch          text,
    status         text,                             -- the batch's last known status, for listing
    created_at     real    not null,
    check (state in ('prepared', 'staged', 'creating') or batch is not null)
) strict, without rowid;
create index intent_content on intent (content, created_at);
create unique index intent_batch on intent (batch) where batch is not null;
create index intent_created on intent (created_at);
create table event (
    seq     integer primary key,
    intent  text    not null,
    at      real    not null,
    state   text    not null,
    detail  text
) strict

-- name: schema_2
-- A job is what one command submitted where it takes more than one batch; its shards are views on its file.
create table job (
    id             text    primary key,              -- 'bcj_' and 128 random bits; stands for all its batches
    content        text    not null,                 -- as of an intent, over the whole file
    provider       text    not null,
    source         text    not null,
    sha256         text    not null,
    bytes          integer not null,
    requests       integer not null,
    shards         integer not null check (shards > 1),
    created_at     real    not null
) strict, without rowid;
create index job_content on job (content, created_at);
create table shard (
    job            text    not null references job (id) on delete cascade,
    number         integer not null check (number > 0),
    first          integer not null,                 -- where it is in the request lines of the job
    offset         integer not null,
    length         integer not null,
    requests       integer not null,
    bytes          integer not null,
    sha256         text    not null,
    intent         text    references intent (id) on delete set null,  -- the submit of it that counts
    primary key (job, number)
) strict, without rowid;
create index shard_intent on shard (intent)

-- name: schema_3
-- Batches that run elsewhere: whose account they are in, how many of a job may run at once, what became of a submit.
alter table intent add column account text not null default '';
alter table job add column at_once integer check (at_once > 0);
alter table job add column stopped_at real;
create index event_intent on event (intent, seq);
create table machine (
    name  text primary key,
    value text not null
) strict, without rowid;
insert into machine (name, value) values ('salt', lower(hex(randomblob(32))))

-- name: schema_4
-- Which submits, by their content, send requests of an earlier batch or job again.
create table attempt (
    content text    primary key,
    root    text    not null,                        -- the batch or job that had the requests first
    number  integer not null check (number > 1)      -- the root is the first attempt
) strict, without rowid;
create index attempt_root on attempt (root)

-- name: salt
select value from machine where name = 'salt'

-- name: add_intent
insert into intent (id, content, provider, model, endpoint, source, sha256, bytes, requests, response_schema,
                    settings, metadata, state, created_at, account)
values (:id, :content, :provider, :model, :endpoint, :source, :sha256, :bytes, :requests, :response_schema,
        :settings, :metadata, 'prepared', :created_at, :account)

-- name: add_event
insert into event (intent, at, state, detail) values (?, ?, ?, ?)

-- name: move_intent
-- Conditional: a state is only ever left by whoever saw it.
update intent set state = :to, staged = coalesce(:staged, staged), batch = coalesce(:batch, batch),
                  status = coalesce(:status, status)
where id = :id and state = :from

-- name: note_status
update intent set status = ? where batch = ?

-- name: same_content
-- The newest first; index intent_content.
select * from intent where content = ? and created_at >= ? order by created_at desc, id desc limit 1

-- name: by_id
select * from intent where id = ?

-- name: by_batch
select * from intent where batch = ?

-- name: rival
-- Asked once in a create whose answer was lost: a scan.
select 1 from intent where state = 'creating' and provider = ? and requests = ? and id <> ? limit 1

-- name: newest
select * from intent
where state = 'done' and (:provider is null or provider = :provider)
order by created_at desc, id desc limit :most offset :skip

-- name: remove_batch
delete from intent where batch = ?

-- name: add_job
insert into job (id, content, provider, source, sha256, bytes, requests, shards, created_at, at_once)
values (:id, :content, :provider, :source, :sha256, :bytes, :requests, :shards, :created_at, :at_once)

-- name: add_shard
insert into shard (job, number, first, offset, length, requests, bytes, sha256, intent)
values (:job, :number, :first, :offset, :length, :requests, :bytes, :sha256, :intent)

-- name: replace_intent
-- Conditional: only the submit that was seen to be lost is replaced.
update shard set intent = :intent where job = :job and number = :number and intent is :was

-- name: same_job
-- The newest first; index job_content.
select * from job where content = ? and created_at >= ? order by created_at desc, id desc limit 1

-- name: job_by_id
select * from job where id = ?

-- name: shards_of_job
-- In input order; the primary key of shard.
select shard.number, shard.first, shard.offset, shard.length, shard.requests, shard.bytes, shard.sha256, intent.*
from shard left join intent on intent.id = shard.intent
where shard.job = ? order by shard.number

-- name: job_of_batch
-- One batch may serve two jobs that share requests; the newer job counts. Indexes intent_batch, shard_intent.
select job.id, shard.number, job.shards
from intent join shard on shard.intent = intent.id join job on job.id = shard.job
where intent.batch = ? order by job.created_at desc, job.id desc limit 1

-- name: open_intents
-- Few: what is unfinished; a scan.
select * from intent where state <> 'done' order by created_at, id

-- name: done_at
-- When the submit of a batch was done; indexes intent_batch, event_intent.
select max(event.at) from intent join event on event.intent = intent.id and event.state = 'done'
where intent.batch = ?

-- name: was_deleted
-- Whether a batch of a submit was deleted by us, though the provider may go on to list it; index event_intent.
select 1 from event where intent = ? and state = 'deleted' and detail = ? limit 1

-- name: is_known
-- Whether there ever was such a submit; index event_intent.
select 1 from event where intent = ? limit 1

-- name: job_of_intent
-- The newer job counts; index shard_intent.
select job.* from shard join job on job.id = shard.job
where shard.intent = ? order by job.created_at desc, job.id desc limit 1

-- name: discard
-- Conditional: a submit that has its batch meanwhile stays.
delete from intent where id = ? and state = ?

-- name: stop_job
update job set stopped_at = ? where id = ?

-- name: set_at_once
update job set at_once = ? where id = ?

-- name: providers
-- Those of discarded submits, too: their files may be left. A scan of few.
select provider from intent union select detail from event where state = 'discarded' order by 1

-- name: remove_empty_jobs
delete from job where not exists (select 1 from shard where shard.job = job.id and shard.intent is not null)

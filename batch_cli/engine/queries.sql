-- name: schema_1
create table batch (
    seq           integer primary key,
    id            text    not null unique,
    key           text    not null unique,           -- the submit that made it: the same key never makes two
    status        text    not null check (status in ('in_progress', 'cancelling', 'completed', 'cancelled', 'failed')),
    endpoint      text    not null,
    model         text    not null,
    settings      text    not null,                  -- JSON, how the handler behaves
    metadata      text    not null,                  -- JSON
    total         integer not null check (total > 0),
    completed     integer not null default 0,
    failed        integer not null default 0,
    next_index    integer not null default 0,        -- requests from here on were never claimed
    next_offset   integer not null default 0,        -- where in the input file they start
    created_at    real    not null,
    started_at    real,
    ended_at      real,
    error         text,                              -- why it failed
    check (completed + failed <= total and next_index <= total)
) strict;
-- A row exists once its request was claimed. Its result stands in the batch's result file at (place, length).
create table request (
    batch    integer not null references batch (seq) on delete cascade,
    position integer not null,                       -- in the input, from 0
    start    integer not null,                       -- in the input file
    length   integer not null,
    state    text    not null check (state in ('running', 'released', 'completed', 'failed')),
    attempt  integer not null,                       -- fencing: only the newest attempt may finish it
    worker   integer,
    result_start  integer,
    result_length integer,
    primary key (batch, position),
    check ((state in ('completed', 'failed')) = (result_start is not null)),
    check ((state = 'running') = (worker is not null))
) strict, without rowid;
create index request_running on request (worker) where state = 'running';
create index request_released on request (batch, position) where state = 'released';
create table worker (
    id          integer primary key autoincrement,   -- a number is never given twice
    pid         integer not null,
    host        text    not null,
    boot        text    not null,
    started_at  real    not null,
    lease_until real    not null                     -- machine-wide monotonic seconds, valid in this boot
) strict

-- name: add_batch
insert into batch (id, key, status, endpoint, model, settings, metadata, total, created_at)
values (:id, :key, 'in_progress', :endpoint, :model, :settings, :metadata, :total, :created_at)

-- name: batch_by_id
-- What runs is counted in the index that holds nothing else, not among all the requests of the batch.
select seq, id, key, status, endpoint, model, settings, metadata, total, completed, failed,
       created_at, started_at, ended_at, error,
       (select count(*) from request indexed by request_running where batch = seq and state = 'running'),
       next_index, next_offset
from batch where id = ?

-- name: standing
-- By number or id, both unique; without counting what runs.
select status, total, completed, failed from batch where seq = :batch or id = :batch

-- name: batch_by_key
-- An unanswered create is found again by the key it was sent with; unique index on key.
select id from batch where key = ?

-- name: batch_id
select id from batch where seq = ?

-- name: open_batches
-- Oldest first; few are open at a time. A batch that is asked for live has a worker of its own, with its key.
select seq, next_index, next_offset, total from batch
where status = 'in_progress' and (id = :only or :only is null and id not glob 'direct_*') order by seq

-- name: advance_batch
update batch set next_index = :next_index, next_offset = :next_offset,
                 started_at = coalesce(started_at, :now)
where seq = :seq and next_index = :was

-- name: claim_fresh
-- All in one statement, each as [start, length] in JSON: each step of a statement is a turn at Python's lock.
insert into request (batch, position, start, length, state, attempt, worker)
select :batch, :first + key, json_extract(value, '$[0]'), json_extract(value, '$[1]'), 'running', 1, :worker
from json_each(:lines)

-- name: released_requests
-- The partial index request_released holds only what crashes left behind.
select request.batch, position, start, length, attempt from request
join batch on seq = batch
where state = 'released' and status = 'in_progress' and (id = :only or :only is null and id not glob 'direct_*')
order by batch, position limit :most

-- name: claim_released
update request set state = 'running', worker = :worker, attempt = attempt + 1
where batch = :batch and position = :position and state = 'released'

-- name: finish
-- Fenced: a worker whose lease was taken over changes nothing. All in one statement, as above, each as
-- [batch, position, attempt, start, length]: with the batch apart, SQLite would walk through the whole batch for each.
update request set state = :state, worker = null,
                   result_start = json_extract(value, '$[3]'), result_length = json_extract(value, '$[4]')
from json_each(:done)
where batch = json_extract(value, '$[0]') and position = json_extract(value, '$[1]')
  and attempt = json_extract(value, '$[2]') and state = 'running'

-- name: count_finished
update batch set completed = completed + :completed, failed = failed + :failed where seq = :seq

-- name: complete_batch
update batch set status = 'completed', ended_at = :now
where seq = :seq and status = 'in_progress' and completed + failed = total

-- name: end_cancelled
-- A cancelling batch has ended when nobody works at it any more.
update batch set status = 'cancelled', ended_at = :now
where seq = :seq and status = 'cancelling'
  and not exists (select 1 from request indexed by request_running where batch = :seq and state = 'running')

-- name: fail_batch
update batch set status = 'failed', ended_at = :now, error = :error
where seq = :seq and status in ('in_progress', 'cancelling')

-- name: request_cancel
update batch set status = 'cancelling' where id = ? and status = 'in_progress'

-- name: cancelling_batches
select seq from batch where status = 'cancelling'

-- name: release_of_worker
-- Uses request_running, which holds only what is in flight.
update request set state = 'released', worker = null where worker = ? and state = 'running'

-- name: release_one
-- A claim that was never worked at is no attempt: a request is blamed only for workers that had begun it.
update request set state = 'released', worker = null, attempt = attempt - 1
where batch = ? and position = ? and attempt = ? and state = 'running'

-- name: add_worker
insert into worker (pid, host, boot, started_at, lease_until)
values (:pid, :host, :boot, :started_at, :lease_until)
returning id

-- name: renew_lease
update worker set lease_until = ? where id = ?

-- name: remove_worker
delete from worker where id = ?

-- name: workers
select id, pid, host, boot, started_at, lease_until,
       (select count(*) from request where worker = worker.id and state = 'running')
from worker order by id

-- name: finished_requests
-- In input order, by primary key; the caller reads page by page.
select position, state, result_start, result_length from request
where batch = ? and position >= ? order by position limit ?

-- name: request_attempts
-- In input order, by primary key; the caller reads page by page. What was never claimed has no row, and comes last.
select position, attempt, state in ('completed', 'failed') from request
where batch = ? and position >= ? order by position limit ?

-- name: attempt_totals
select count(*), coalesce(sum(attempt), 0), count(*) filter (where state in ('completed', 'failed'))
from request where batch = ?

-- name: delete_requests
delete from request where batch = ?

-- name: delete_batch
delete from batch where seq = ?

-- name: queue_totals
select coalesce(sum(total - completed - failed) filter (where status = 'in_progress'), 0),
       coalesce(sum(completed), 0), coalesce(sum(failed), 0),
       (select count(*) from request where state = 'running')
from batch

-- name: has_claimable
select 1 from batch where status = 'in_progress' and id not glob 'direct_*' and (
    next_index < total or exists (select 1 from request where batch = seq and state = 'released'))
limit 1

-- name: note_trouble
-- Why nobody works at a batch that has not ended; null when somebody does again.
update batch set error = :error where id = :id and status = 'in_progress' and error is not :error

-- name: recorded_until
-- The line end behind the last line counts. Once for each start of a live worker: a scan of the batch.
select coalesce(max(result_start + result_length) + 1, 0) from request where batch = ?

-- name: adopt
-- Only what was given back by a dead worker: what somebody works at now will be recorded by them.
update request set state = ?, result_start = ?, result_length = ?
where batch = ? and position = ? and state = 'released'
